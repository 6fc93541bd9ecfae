"""The search for the optimum where it is not easy: saddles, breakdowns of the approximation, hard starts."""

from __future__ import annotations

import numpy as np
import pytest

from pluralign.stats import clmm, curvature, optimise
from pluralign.stats.design import build
from pluralign.stats.formula import parse
from pluralign.stats.laplace import evaluate
from pluralign.stats.links import LINKS
from pluralign.stats.problem import InfeasibleError, Problem
from pluralign.stats.search import Search
from tests.stats.cases import SMALL_FORMULA, small


def crossed() -> Problem:
    return build(parse(SMALL_FORMULA), small(), LINKS["logit"], None, "drop", "flexible", 1).problem


def test_a_saddle_at_zero_variation_is_left() -> None:
    problem = crossed()
    best = optimise.maximise(problem)
    fixed = optimise.maximise(
        build(parse("rating ~ group + dose"), small(), LINKS["logit"], None, "drop", "flexible", 1).problem
    )
    at_zero = np.concatenate([fixed.parameters, [0.0, 0.0]])
    here = evaluate(problem, at_zero, np.zeros(problem.n_random))
    assert np.abs(here.gradient[-2:]).max() < 1e-9  # stationary in both standard deviations
    search = Search(problem, np.ones(problem.n_parameters))
    found = optimise._finish(search, at_zero, here)
    assert found.value == pytest.approx(best.value, abs=1e-6)


def test_metric_of_the_start_is_the_inverse_of_what_it_stands_for() -> None:
    random = np.random.default_rng(2)
    root = random.normal(size=(4, 4)) * np.array([1.0, 1e-3, 1e3, 10.0])[:, None]
    matrix = root @ root.T
    np.testing.assert_allclose(curvature.solve(matrix, np.eye(4)) @ matrix, np.eye(4), atol=1e-6)


def test_held_parameter_stays_and_the_others_move() -> None:
    problem = crossed()
    best = optimise.maximise(problem)
    start = best.parameters.copy()
    start[5] += 0.3
    held = optimise.maximise_with(problem, start, 5, best.hessian, best.u)
    assert held.parameters[5] == start[5]
    assert np.abs(held.gradient[np.arange(8) != 5]).max() < 0.5
    assert best.value < held.value <= evaluate(problem, start, best.u).value


def test_few_evaluations_are_needed() -> None:
    assert clmm(SMALL_FORMULA, small()).diagnostics.n_evaluations < 25


def test_where_the_approximation_breaks_down_the_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InfeasibleError

    monkeypatch.setattr(curvature, "evaluate_at", broken)
    fit = clmm(SMALL_FORMULA, small(), "cauchit")
    assert not fit.converged
    assert np.isnan(fit.standard_errors["dose"])
    assert any("cannot be followed" in warning for warning in fit.warnings)
    assert "NOT CONVERGED" in str(fit)


def test_cauchit_with_quadrature_converges() -> None:
    fit = clmm("rating ~ group + dose + (1 | rater)", small(), "cauchit", nagq=9)
    assert fit.converged
    assert fit.random_sd["rater"] > 0.3
