"""Links: distributions with their derivatives, also far out in the tails."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from pluralign.errors import ConfigError
from pluralign.stats.links import LINKS, FloatArray, Link, link_by_name

SCIPY = {
    "logit": stats.logistic,
    "probit": stats.norm,
    "cloglog": stats.gumbel_l,
    "loglog": stats.gumbel_r,
    "cauchit": stats.cauchy,
}
X = np.linspace(-6, 4, 41)
INTERVALS = [(-np.inf, -2.0), (-np.inf, 1.5), (-1.2, 0.3), (-3.0, 2.5), (0.7, np.inf), (-4.0, np.inf), (1.0, 1.001)]
PAIRS = pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)


@PAIRS
def test_distributions_are_those_of_scipy(link: Link) -> None:
    theirs = SCIPY[link.name]
    assert_allclose(link.cdf(X), theirs.cdf(X), rtol=1e-9)
    assert_allclose(link.survival(X), theirs.sf(X), rtol=1e-9)
    assert_allclose(link.density(X)[0], theirs.pdf(X), rtol=1e-9)
    p = np.linspace(0.01, 0.99, 25)
    assert_allclose(link.quantile(p), theirs.ppf(p), rtol=1e-9)


@PAIRS
def test_density_is_zero_at_infinity(link: Link) -> None:
    ends = np.array([-np.inf, np.inf])
    assert_allclose(np.stack(link.density(ends)), 0, atol=1e-60)
    assert_allclose(link.cdf(ends), [0, 1])


def shifted(link: Link, interval: tuple[float, float], up: float, low: float) -> FloatArray:
    lower, upper = np.array([interval[0] + low]), np.array([interval[1] + up])
    return np.concatenate([[link.derivatives(lower, upper).log_p[0]], np.stack(link.derivatives(lower, upper))[1:3, 0]])


@PAIRS
@pytest.mark.parametrize("interval", INTERVALS)
def test_derivatives_equal_differences(link: Link, interval: tuple[float, float]) -> None:
    found = link.derivatives(np.array([interval[0]]), np.array([interval[1]]))
    h = 1e-6 if interval[1] - interval[0] > 0.1 else 1e-8
    by_upper = (shifted(link, interval, h, 0) - shifted(link, interval, -h, 0)) / (2 * h)
    by_lower = (shifted(link, interval, 0, h) - shifted(link, interval, 0, -h)) / (2 * h)
    expected = [by_upper[0], by_lower[0], by_upper[1], by_lower[1], by_upper[2], by_lower[2]]
    exact = np.array([value[0] for value in found[3:]])
    scale = 1 + np.abs(exact).max()
    assert_allclose(exact / scale, np.array(expected) / scale, atol=2e-4)
    assert found.score[0] == pytest.approx(-(found.d_upper[0] + found.d_lower[0]), rel=1e-6, abs=1e-9)


@PAIRS
@pytest.mark.parametrize("interval", INTERVALS)
def test_curve_and_slopes_are_parts_of_the_derivatives(link: Link, interval: tuple[float, float]) -> None:
    lower, upper = np.array([interval[0]]), np.array([interval[1]])
    whole, curve, slopes = link.derivatives(lower, upper), link.curve(lower, upper), link.slopes(lower, upper)
    assert_allclose(np.array(curve), np.array([whole.log_p, whole.score, whole.weight]), rtol=1e-7, atol=1e-12)
    assert_allclose(slopes.d_upper, whole.d_upper, rtol=1e-7, atol=1e-12)
    assert_allclose(slopes.score, whole.score, rtol=1e-6, atol=1e-9)


@PAIRS
@pytest.mark.parametrize("far", [-800.0, -40.0, 40.0, 800.0])
def test_nothing_overflows_far_from_the_data(link: Link, far: float) -> None:
    found = link.derivatives(np.array([far - 1, -np.inf, far]), np.array([far + 1, far, np.inf]))
    assert all(np.all(np.isfinite(value)) for value in found)


@pytest.mark.parametrize("name", ["logit", "probit", "cloglog", "loglog"])
def test_log_concave_links_have_positive_weights(name: str) -> None:
    link = LINKS[name]
    lower = np.linspace(-8, 4, 60)
    assert np.all(link.curve(lower, lower + 1.5).weight > 0)
    assert link.log_concave
    assert not LINKS["cauchit"].log_concave


def test_unknown_link_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="logit, probit, cloglog, loglog, cauchit"):
        link_by_name("identity")
