"""The gradient and the Hessian of every kind of model, against finite differences of the value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from pluralign.errors import DataError
from pluralign.stats import optimise
from pluralign.stats.blocks import Layout
from pluralign.stats.crossed import CrossedEffects
from pluralign.stats.curvature import hessian_at
from pluralign.stats.design import build
from pluralign.stats.formula import parse
from pluralign.stats.laplace import evaluate
from pluralign.stats.links import LINKS, FloatArray
from pluralign.stats.problem import Problem
from tests.stats.cases import small

INTERCEPTS = "rating ~ group + dose + (1 | rater) + (1 | item)"
MODELS = {
    "no random term": "rating ~ group + dose",
    "one factor": "rating ~ group + dose + (1 | rater)",
    "crossed": INTERCEPTS,
    "three factors": "rating ~ dose + (1 | rater) + (1 | item) + (1 | group)",
    "nested": "rating ~ dose + (1 | group/rater)",
    "slope": "rating ~ group + dose + (1 + dose | rater)",
    "slope and crossed": "rating ~ group + dose + (1 + dose | rater) + (dose || item)",
    "slopes of the small factors": "rating ~ dose + (1 | rater) + (1 + dose | item) + (dose | group)",
}


def problem_of(
    formula: str, link: str = "logit", threshold: str = "flexible", nagq: int = 1, weighted: bool = False
) -> Problem:
    table = small()
    weights = np.asarray(0.5 + np.arange(len(table)) % 3, dtype=np.float64) if weighted else None
    return build(parse(formula), table, LINKS[link], weights, "drop", threshold, nagq).problem


def some_parameters(problem: Problem, seed: int = 3) -> FloatArray:
    """Parameters away from any optimum."""
    random = np.random.default_rng(seed)
    alpha = np.linalg.lstsq(problem.jacobian, np.array([-1.1, 0.2, 1.7]), rcond=None)[0]
    alpha = np.concatenate([alpha, 0.1 * random.normal(size=problem.n_alpha - len(alpha))])
    rest = 0.5 * random.normal(size=problem.n_parameters - len(alpha))
    return np.concatenate([alpha, rest])


def differences(problem: Problem, at: FloatArray, width: float = 1e-5) -> FloatArray:
    u = np.zeros(problem.n_random)
    out = []
    for j in range(len(at)):
        step = np.zeros_like(at)
        step[j] = width
        out.append((evaluate(problem, at + step, u).value - evaluate(problem, at - step, u).value) / (2 * width))
    return np.array(out)


def check_gradient(problem: Problem) -> None:
    at = some_parameters(problem)
    exact = evaluate(problem, at, np.zeros(problem.n_random)).gradient
    assert_allclose(exact, differences(problem, at), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_gradient_of_every_kind_of_random_term(name: str) -> None:
    check_gradient(problem_of(MODELS[name]))


@pytest.mark.parametrize("link", LINKS)
def test_gradient_of_every_link(link: str) -> None:
    check_gradient(problem_of(INTERCEPTS, link))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("nagq", [2, 7])
def test_gradient_of_quadrature(link: str, nagq: int) -> None:
    check_gradient(problem_of(MODELS["one factor"], link, nagq=nagq, weighted=True))


@pytest.mark.parametrize("threshold", ["symmetric", "equidistant"])
def test_gradient_of_structured_thresholds(threshold: str) -> None:
    check_gradient(problem_of(INTERCEPTS, threshold=threshold))


def test_gradient_with_weights() -> None:
    check_gradient(problem_of(MODELS["slope and crossed"], weighted=True))


def test_gradient_with_thresholds_that_depend_on_a_predictor() -> None:
    problem = problem_of(MODELS["slope"], weighted=True)
    check_gradient(replace(problem, X=problem.X[:, :2], nominal=0.3 * problem.X[:, 2:]))


def test_dense_and_paired_eliminations_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    at = some_parameters(problem_of(MODELS["slope and crossed"]))
    values = []
    for cost in (0, 10**9):
        monkeypatch.setattr("pluralign.stats.crossed._PAIR_COST", cost)
        problem = problem_of(MODELS["slope and crossed"])
        assert problem.random is not None
        assert problem.random.by_pairs == (cost == 0)
        here = evaluate(problem, at, np.zeros(problem.n_random))
        values.append(np.concatenate([[here.value], here.gradient]))
    assert_allclose(values[0], values[1], rtol=1e-10)


def test_dense_pieces_of_any_size_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pluralign.stats.crossed._PAIR_COST", 10**9)
    problem = problem_of(INTERCEPTS)
    at = some_parameters(problem)
    whole = evaluate(problem, at, np.zeros(problem.n_random)).gradient
    monkeypatch.setattr("pluralign.stats.crossed._CHUNK_ENTRIES", 50)
    assert_allclose(evaluate(problem, at, np.zeros(problem.n_random)).gradient, whole, rtol=1e-10)


@pytest.mark.parametrize(
    ("formula", "link", "threshold", "nagq"),
    [
        (INTERCEPTS, "logit", "flexible", 1),
        (INTERCEPTS, "cloglog", "equidistant", 1),
        (MODELS["slope and crossed"], "probit", "flexible", 1),
        (MODELS["one factor"], "loglog", "symmetric", 5),
        (MODELS["no random term"], "cauchit", "flexible", 1),
    ],
)
def test_hessian_equals_differences_of_the_gradient(formula: str, link: str, threshold: str, nagq: int) -> None:
    problem = problem_of(formula, link, threshold, nagq, weighted=True)
    optimum = optimise.maximise(problem)
    here = evaluate(problem, optimum.parameters, optimum.u)
    columns = []
    for j in range(problem.n_parameters):
        step = np.zeros(problem.n_parameters)
        step[j] = 1e-4
        above = evaluate(problem, optimum.parameters + step, optimum.u).gradient
        below = evaluate(problem, optimum.parameters - step, optimum.u).gradient
        columns.append((above - below) / 2e-4)
    expected = np.stack(columns)
    scale = np.sqrt(np.abs(np.diagonal(expected)))
    found = hessian_at(problem, optimum.parameters, here)
    assert_allclose(found / np.outer(scale, scale), expected / np.outer(scale, scale), atol=1e-3)


def nested(n_groups: int, per_group: int) -> pd.DataFrame:
    """Ratings by raters nested in many groups."""
    random = np.random.default_rng(4)
    rater = np.repeat(np.arange(n_groups * per_group), 3)
    group = rater // per_group
    eta = random.normal(size=n_groups)[group] + 0.7 * random.normal(size=n_groups * per_group)[rater]
    dose = random.normal(size=len(rater))
    rating = 1 + np.searchsorted([-1.0, 0.5], eta + 0.4 * dose + random.logistic(size=len(rater)))
    return pd.DataFrame({"rating": rating, "dose": dose, "rater": rater, "group": group})


@pytest.mark.parametrize(
    "formula",
    [
        "rating ~ dose + (1 | group/rater)",
        "rating ~ dose + (1 + dose | group) + (1 | group:rater)",
        "rating ~ dose + (1 | half) + (1 | group) + (1 + dose | group:rater)",
    ],
)
def test_nested_factors_are_solved_in_blocks(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = nested(30, 4)
    table["half"] = table["group"] // 5
    in_blocks = build(parse(formula), table, LINKS["logit"], None, "drop", "flexible", 1).problem
    monkeypatch.setattr(CrossedEffects, "_blocks", lambda self: Layout.dense(self.rest_size))
    dense = build(parse(formula), table, LINKS["logit"], None, "drop", "flexible", 1).problem
    assert in_blocks.random is not None
    assert dense.random is not None
    assert in_blocks.random.layout.n_blocks > 1 == dense.random.layout.n_blocks
    at = np.concatenate([[-0.8, 0.6], 0.5 * np.random.default_rng(1).normal(size=in_blocks.n_parameters - 2)])
    u = np.zeros(in_blocks.n_random)
    one, other = (evaluate(problem, at, u) for problem in (in_blocks, dense))
    assert one.value == pytest.approx(other.value, rel=1e-12)
    assert_allclose(one.gradient, other.gradient, rtol=1e-8, atol=1e-8)
    assert_allclose(one.gradient, differences(in_blocks, at), rtol=2e-5, atol=2e-5)


def test_more_nested_levels_than_can_be_solved_densely() -> None:
    table = nested(13_000, 2)
    problem = build(
        parse("rating ~ dose + (1 | group/rater)"), table, LINKS["logit"], None, "drop", "flexible", 1
    ).problem
    assert problem.random is not None
    assert problem.random.layout.width == 1
    fit = optimise.maximise(problem)
    # three ratings per rater: Laplace's approximation puts the last, the raters' standard deviation, too low
    assert_allclose(np.abs(fit.parameters), [1.0, 0.5, 0.4, 1.0, 0.7], atol=0.15)


def test_too_many_crossed_levels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pluralign.stats.crossed.MOST_DENSE", 10)
    with pytest.raises(DataError, match="20 random effects"):
        problem_of(INTERCEPTS)
