"""What must not change a fit, and models that are special cases of others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, optimize, special, stats

from pluralign.stats import ClmmFit, clm, clmm
from pluralign.stats.links import LINKS, FloatArray
from tests.stats.cases import SMALL_FORMULA, small


def numbers(fit: ClmmFit) -> FloatArray:
    """Everything that is estimated, and the standard errors."""
    frame = fit.to_frame()
    return np.concatenate([frame["estimate"], frame["std_error"], [fit.log_likelihood]])


def test_order_of_ratings_is_irrelevant() -> None:
    table = small()
    shuffled = table.sample(frac=1, random_state=3)
    assert_allclose(numbers(clmm(SMALL_FORMULA, shuffled)), numbers(clmm(SMALL_FORMULA, table)), rtol=1e-5)


def test_names_of_raters_are_irrelevant() -> None:
    table = small()
    renamed = table.assign(rater=table["rater"].map(lambda name: (37 * int(name[1:])) % 61))
    assert renamed["rater"].nunique() == 60
    assert_allclose(numbers(clmm(SMALL_FORMULA, renamed)), numbers(clmm(SMALL_FORMULA, table)), rtol=1e-5)


@pytest.mark.parametrize("formula", [SMALL_FORMULA, "rating ~ dose + (1 + dose | rater) + (1 | item)"])
def test_weight_two_is_the_rating_twice(formula: str) -> None:
    table = small()
    twice = pd.concat([table, table[table["dose"] > 0]])
    weights = np.where(table["dose"] > 0, 2.0, 1.0)
    assert_allclose(numbers(clmm(formula, table, weights=weights)), numbers(clmm(formula, twice)), rtol=1e-4)


def test_split_weights_add_up() -> None:
    table = small()
    halves = pd.concat([table.assign(weight=0.25), table.assign(weight=0.75)])
    assert_allclose(
        numbers(clmm(SMALL_FORMULA, halves, weights="weight")), numbers(clmm(SMALL_FORMULA, table)), rtol=1e-4
    )


def test_reversed_scale_reverses_signs() -> None:
    table = small()
    fit, turned = clmm(SMALL_FORMULA, table), clmm(SMALL_FORMULA, table.assign(rating=5 - table["rating"]))
    assert_allclose(np.array(list(turned.coef.values())), -np.array(list(fit.coef.values())), atol=1e-5)
    assert_allclose(
        np.array(list(turned.thresholds.values())), -np.array(list(fit.thresholds.values()))[::-1], atol=1e-5
    )


def test_loglog_is_cloglog_of_the_reversed_scale() -> None:
    table = small()
    fit = clmm(SMALL_FORMULA, table, "cloglog")
    mirrored = clmm(SMALL_FORMULA, table.assign(rating=5 - table["rating"]), "loglog")
    assert_allclose(list(mirrored.coef.values()), [-value for value in fit.coef.values()], atol=1e-5)
    assert mirrored.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


def logistic_mixed_likelihood(table: pd.DataFrame, intercept: float, slope: float, sd: float) -> float:
    """Log-likelihood of a logistic model with a random intercept per rater, by brute-force integration."""
    u = np.linspace(-9, 9, 601)
    total = 0.0
    for _, own in table.groupby("rater"):
        eta = intercept + slope * own["dose"].to_numpy()[:, None] + sd * u
        p = special.expit(np.where(own["rating"].to_numpy()[:, None] == 2, eta, -eta))
        total += float(np.log(integrate.trapezoid(np.prod(p, axis=0) * stats.norm.pdf(u), u)))
    return total


def test_two_categories_are_a_logistic_mixed_model() -> None:
    table = small(categories=2)
    fit = clmm("rating ~ dose + (1 | rater)", table, nagq=25)
    (threshold,), slope, sd = fit.thresholds.values(), fit.coef["dose"], fit.random_sd["rater"]
    assert fit.log_likelihood == pytest.approx(logistic_mixed_likelihood(table, -threshold, slope, sd), abs=1e-6)

    def objective(at: FloatArray) -> float:
        return -logistic_mixed_likelihood(table, float(at[0]), float(at[1]), float(at[2]))

    best = optimize.minimize(
        objective, np.array([-threshold, slope, sd]), method="Nelder-Mead", options={"xatol": 1e-3, "maxfev": 60}
    )
    assert -best.fun < fit.log_likelihood + 1e-5


def test_two_categories_without_random_terms_are_logistic_regression() -> None:
    table = small(categories=2)
    fit = clm("rating ~ dose", table)
    y, x = table["rating"].to_numpy() - 1, table["dose"].to_numpy()
    p = special.expit(-fit.thresholds["1|2"] + fit.coef["dose"] * x)
    assert_allclose([np.sum(y - p), np.sum((y - p) * x)], 0, atol=1e-3)
    information = np.array([[np.sum(p * (1 - p) * a * b) for a in (np.ones_like(x), x)] for b in (np.ones_like(x), x)])
    assert fit.standard_errors["dose"] == pytest.approx(np.sqrt(np.linalg.inv(information)[1, 1]), rel=1e-4)


@pytest.mark.parametrize("link", LINKS)
def test_quadrature_approaches_the_integral(link: str) -> None:
    table = small()
    likelihoods = [clmm("rating ~ dose + (1 | rater)", table, link, nagq=n).log_likelihood for n in (1, 3, 15, 31)]
    gaps = np.abs(np.diff(likelihoods))
    assert gaps[2] < 1e-4 * max(gaps[0], 1e-2) + 1e-6


def test_one_point_of_quadrature_is_laplace() -> None:
    from pluralign.stats.design import build
    from pluralign.stats.formula import parse
    from pluralign.stats.modes import find
    from pluralign.stats.quadrature import integrate as one_point

    problem = build(parse("rating ~ dose + (1 | rater)"), small(), LINKS["logit"], None, "drop", "flexible", 1).problem
    at = np.array([-1.0, 0.2, 1.5, 0.4, 0.6])
    mode = find(problem, at, np.zeros(60))
    assert mode.factor is not None
    integral = one_point(problem, np.array([[0.6]]), mode, mode.factor.touched().blocks[0])
    assert integral.value == pytest.approx(mode.penalised + 0.5 * mode.factor.log_determinant, abs=1e-9)
    assert_allclose(integral.on_mode, 0, atol=1e-6)


def test_uncorrelated_slopes_are_the_same_however_written() -> None:
    table = small()
    bars = clmm("rating ~ dose + (dose || rater)", table)
    apart = clmm("rating ~ dose + (1 | rater) + (0 + dose | rater)", table)
    assert_allclose(numbers(apart), numbers(bars), rtol=1e-6)
    assert bars.random_correlation == {}


def test_correlated_slopes_do_not_depend_on_where_the_slope_is_zero_in_likelihood() -> None:
    table = small()
    fit = clmm("rating ~ dose + (1 + dose | rater)", table)
    moved = clmm("rating ~ dose + (1 + dose | rater)", table.assign(dose=table["dose"] + 1))
    assert moved.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-5)
    assert moved.coef["dose"] == pytest.approx(fit.coef["dose"], abs=1e-4)


def test_structured_thresholds_hold_their_structure() -> None:
    table = small()
    even = list(clmm(SMALL_FORMULA, table, threshold="equidistant").thresholds.values())
    assert np.diff(even)[0] == pytest.approx(np.diff(even)[1], abs=1e-12)
    mirrored = clmm(SMALL_FORMULA, table, threshold="symmetric")
    low, middle, high = mirrored.thresholds.values()
    assert high - middle == pytest.approx(middle - low, abs=1e-12)
    assert mirrored.n_parameters == clmm(SMALL_FORMULA, table).n_parameters - 1


def test_nested_shorthand_is_two_terms() -> None:
    table = small()
    assert_allclose(
        numbers(clmm("rating ~ dose + (1 | group/rater)", table)),
        numbers(clmm("rating ~ dose + (1 | group) + (1 | group:rater)", table)),
        rtol=1e-9,
    )
