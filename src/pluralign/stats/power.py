"""How many raters a study needs: power by simulation, with far fewer fits than counting significant results would take.

Every simulated study is analysed twice, without the effect and with it, everything else being equal. The difference of
the two z values, per unit of effect and per square root of raters, is the study's *signal* k; the noise cancels out of
it. With n raters z is then normal with the mean k·effect·√n and the standard deviation 1: this gives the power at every
n. What it takes for granted is looked at in the same simulations: that k is the same at half the size (``scaling``),
and that z has the standard deviation 1 without an effect (``spread``). :func:`count` is the brute force.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from pluralign.errors import ConfigError, DataError, PluralignError
from pluralign.progress import SILENT, Progress
from pluralign.stats.clmm import clm, clmm
from pluralign.stats.formula import parse
from pluralign.stats.links import FloatArray
from pluralign.stats.model_frame import model_frame
from pluralign.stats.scenario import Scenario, draw

_PILOTS = 10
_FIRST_RATERS = 300
_FEWEST_RATERS = 100
_MOST_RATERS = 600  # precise enough at a fraction of a second per fit; larger studies follow from the scaling
_MOST_FOR_SMALL_GROUPS = 3000
_IN_GROUP = 30  # raters of the group below which a simulated study says little
_NORMAL = 1.96  # of the intervals that tell how exact the simulation is


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What the simulations of a scenario say.

    ``signal`` is k with its Monte Carlo ``signal_error``. ``unit_error`` is the standard error of the coefficient times
    √raters. ``spread`` is the standard deviation of z without an effect, with its error; ``scaling`` the ratio of the
    signals at ``raters`` and at half as many, with its error. ``failed`` of ``studies`` could not be fitted.
    """

    raters: int
    studies: int
    failed: int
    signal: float
    signal_error: float
    unit_error: float
    spread: float
    spread_error: float
    scaling: float
    scaling_error: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against trusting the power computed from these simulations."""
        out = []
        if abs(self.scaling - 1) > max(0.05, 3 * self.scaling_error):
            out.append(
                f"Twice the raters find the effect {self.scaling * math.sqrt(2):.2f} times as clearly, not √2 times: "
                f"power far from {self.raters} raters is uncertain."
            )
        if abs(self.spread - 1) > max(0.05, 3 * self.spread_error):
            out.append(
                f"Without an effect z varies {self.spread:.2f} times as much as it should: the standard errors are off "
                "in studies of this kind."
            )
        if self.failed > 0.05 * self.studies:
            out.append(
                f"{self.failed} of {self.studies} simulated studies could not be fitted; the power holds for those "
                "that can. Merge rare answers, or shorten the formula."
            )
        return tuple(out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Brute force: of ``studies`` simulated studies ``found`` the effect (in its direction or not) at the level alpha.

    ``failed`` could not be fitted and did not find it. ``low`` and ``high`` are Wilson's 95 % interval of the power.
    """

    raters: int
    studies: int
    found: int
    failed: int

    @property
    def power(self) -> float:
        return self.found / self.studies

    @property
    def low(self) -> float:
        return float(stats.binomtest(self.found, self.studies).proportion_ci(method="wilson").low)

    @property
    def high(self) -> float:
        return float(stats.binomtest(self.found, self.studies).proportion_ci(method="wilson").high)


def sensitivity(
    plan: Scenario,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    studies: int = 100,
    seed: int = 0,
    raters: int | None = None,
    progress: Progress = SILENT,
) -> Sensitivity:
    """Simulate ``studies`` studies of about the size that ``power`` needs (or of ``raters``), and as many of half.

    Raises ConfigError for numbers that make no sense and DataError where hardly any simulated study can be fitted.
    """
    _check_rates(power, alpha)
    if studies < 10:
        raise ConfigError(f"{studies} simulated studies say nothing; simulate at least 10.")
    pilots = 0 if raters is not None else _PILOTS
    progress.start("simulating studies", 4 * studies + 2 * pilots)
    size = raters if raters is not None else _size(plan, power, alpha, seed, progress)
    small, full = (_pairs(plan, n, studies, (seed, round_), progress) for round_, n in ((1, size // 2), (2, size)))
    progress.finish()
    signals = [_signal(pairs, n, plan.effect) for pairs, n in ((small, size // 2), (full, size))]
    means = [float(values.mean()) for values in signals]
    errors = [float(values.std(ddof=1) / math.sqrt(len(values))) for values in signals]
    without = np.concatenate([small[:, 0] / small[:, 1], full[:, 0] / full[:, 1]])
    scaling = means[1] / means[0]
    return Sensitivity(
        raters=size,
        studies=2 * studies,
        failed=2 * studies - len(small) - len(full),
        signal=means[1],
        signal_error=errors[1],
        unit_error=float(full[:, 3].mean() * math.sqrt(size)),
        spread=float(without.std(ddof=1)),
        spread_error=1 / math.sqrt(2 * (len(without) - 1)),
        scaling=scaling,
        scaling_error=abs(scaling) * math.hypot(errors[0] / means[0], errors[1] / means[1]),
    )


def count(
    plan: Scenario, raters: int, *, studies: int, alpha: float = 0.05, seed: int = 0, progress: Progress = SILENT
) -> Count:
    """Simulate and analyse ``studies`` studies of ``raters`` raters, and count those with p < alpha."""
    progress.start(f"simulating studies of {raters} raters", studies)
    quantile = stats.norm.isf(alpha / 2)
    found = failed = 0
    for number in range(studies):
        fitted = _fit(plan, draw(plan, raters, np.random.default_rng((seed, 3, number))).ratings(plan.effect))
        if fitted is None:
            failed += 1
        elif abs(fitted[0] / fitted[1]) > quantile:
            found += 1
        progress.advance()
    progress.finish()
    return Count(raters=raters, studies=studies, found=found, failed=failed)


def power_at(found: Sensitivity, effect: float, raters: FloatArray, alpha: float = 0.05) -> tuple[FloatArray, ...]:
    """Power of a two-sided test with ``raters`` raters, and the ends of its 95 % Monte Carlo interval."""
    quantile = stats.norm.isf(alpha / 2)
    step = _NORMAL * found.signal_error / abs(found.signal)
    means = [abs(found.signal * effect) * np.sqrt(raters) * factor for factor in (1, max(1 - step, 0.0), 1 + step)]
    return tuple(stats.norm.cdf(mean - quantile) + stats.norm.cdf(-mean - quantile) for mean in means)


def raters_needed(found: Sensitivity, effect: float, power: float = 0.8, alpha: float = 0.05) -> tuple[int, int, int]:
    """Raters for ``power``, and the ends of the 95 % Monte Carlo interval of this number."""
    _check_rates(power, alpha)
    distance = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    step = _NORMAL * found.signal_error / abs(found.signal)
    best, low, high = (
        math.ceil((distance / (found.signal * effect * factor)) ** 2) for factor in (1, 1 + step, max(1 - step, 0.1))
    )
    return best, low, high


def detectable(found: Sensitivity, raters: FloatArray, power: float = 0.8, alpha: float = 0.05) -> FloatArray:
    """The smallest effect, in log odds, that studies of ``raters`` raters find with ``power``."""
    distance = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    return distance / (abs(found.signal) * np.sqrt(raters))


def _check_rates(power: float, alpha: float) -> None:
    if not 0 < alpha < 0.5:
        raise ConfigError(f"The significance level is {alpha:g}; it must lie between 0 and 0.5.")
    if not alpha < power < 1:
        raise ConfigError(
            f"The power asked for is {power:g}; it must lie between the significance level {alpha:g} and 1."
        )


def _size(plan: Scenario, power: float, alpha: float, seed: int, progress: Progress) -> int:
    """About as many raters as are needed, within what can be simulated quickly and what the group needs."""
    smaller = min(plan.share, 1 - plan.share)
    enough = min(max(_FEWEST_RATERS, math.ceil(2 * _IN_GROUP / smaller)), _MOST_FOR_SMALL_GROUPS)
    first = max(_FIRST_RATERS, enough)
    pairs = _pairs(plan, first, _PILOTS, (seed, 0), progress)
    signal = float(_signal(pairs, first, plan.effect).mean())
    distance = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    wanted = (distance / max(abs(signal * plan.effect), 1e-9)) ** 2
    return int(min(max(wanted, enough), max(_MOST_RATERS, enough)))


def _signal(pairs: FloatArray, raters: int, effect: float) -> FloatArray:
    return (pairs[:, 2] / pairs[:, 3] - pairs[:, 0] / pairs[:, 1]) / (math.sqrt(raters) * effect)


def _pairs(plan: Scenario, raters: int, studies: int, seed: tuple[int, int], progress: Progress) -> FloatArray:
    """Estimate and standard error without the effect and with it, one row per study in which both could be fitted."""
    rows = list(_fitted_pairs(plan, raters, studies, seed, progress))
    if len(rows) < max(studies // 2, 2):
        raise DataError(
            f"Of {studies} simulated studies of {raters} raters only {len(rows)} could be fitted. Plan for a larger "
            "group, merge rare answers, or shorten analysis.formula."
        )
    return np.array(rows)


def _fitted_pairs(
    plan: Scenario, raters: int, studies: int, seed: tuple[int, int], progress: Progress
) -> Iterator[tuple[float, float, float, float]]:
    for number in range(studies):
        drawn = draw(plan, raters, np.random.default_rng((*seed, number)))
        without = _fit(plan, drawn.ratings(0.0))
        progress.advance()
        with_effect = _fit(plan, drawn.ratings(plan.effect))
        progress.advance()
        if without is not None and with_effect is not None:
            yield (*without, *with_effect)


def _fit(plan: Scenario, ratings: pd.DataFrame) -> tuple[float, float] | None:
    """The group's coefficient and standard error by the study's analysis; None where there is none to trust."""
    formula = plan.study.analysis.formula
    try:
        prepared = model_frame(ratings, plan.study, plan.dimension)
        fit = (clmm if parse(formula).groups else clm)(formula, prepared.frame)
    except PluralignError:
        return None
    if not fit.converged or plan.term not in fit.coef or plan.term in fit.diagnostics.separated:
        return None
    return fit.coef[plan.term], fit.standard_errors[plan.term]
