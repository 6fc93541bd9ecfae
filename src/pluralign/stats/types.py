"""The result of a cumulative link (mixed) model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from pluralign.errors import ConfigError
from pluralign.stats.links import FloatArray

if TYPE_CHECKING:
    from pluralign.stats.design import Design
    from pluralign.stats.natural import Natural
    from pluralign.stats.optimise import Optimum

ILL_CONDITIONED = 1e8

FRAME_COLUMNS = ("term", "kind", "estimate", "std_error", "z", "p", "low", "high")
ODDS_COLUMNS = ("term", "odds_ratio", "low", "high", "percent", "p")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """How far a fit can be trusted.

    ``gradient``: the largest absolute derivative of the log-likelihood at the estimate. ``decrement``: the distance to
    the optimum of its quadratic model, in standard errors. ``condition``: condition number of the Hessian scaled to
    unit diagonal (infinite where it is singular). ``boundary``: grouping factors whose variation is estimated as none.
    ``separated``: columns whose estimate runs off to infinity.
    """

    gradient: float
    decrement: float
    condition: float
    boundary: tuple[str, ...]
    separated: tuple[str, ...]
    n_evaluations: int


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The arrays behind a result, from which predictions, profiles and tests are made.

    ``covariance`` is over the searched parameters of ``optimum``, ``reported`` their translation into those reported.
    """

    design: Design
    optimum: Optimum
    covariance: FloatArray
    reported: Natural


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClmmFit:
    """A fitted cumulative link (mixed) model, P(Y <= k) = F(threshold_k - eta): positive coefficients, higher ratings.

    ``thresholds`` are named "1|2" and so on after the categories they part; ``standard_errors`` has every term of
    ``coef``, ``thresholds`` and ``random_sd`` (there by the delta method; nan at the boundary). ``covariance`` is over
    ``parameters``: thresholds, coefficients, random standard deviations, in this order. ``modes`` holds per grouping
    factor a table ``level, mode, std_error`` of the conditional modes on the scale of eta.
    ``converged`` is False where the optimum is in doubt; ``warnings`` says in sentences what to be careful about.
    """

    formula: str
    link: str
    response: str
    categories: tuple[str, ...]
    category_counts: tuple[int, ...]
    coef: Mapping[str, float]
    thresholds: Mapping[str, float]
    random_sd: Mapping[str, float]
    standard_errors: Mapping[str, float]
    covariance: FloatArray
    modes: Mapping[str, pd.DataFrame]
    log_likelihood: float
    converged: bool
    diagnostics: Diagnostics
    warnings: tuple[str, ...]
    n_ratings: int
    n_dropped: int
    n_levels: Mapping[str, int]
    random_correlation: Mapping[str, float] = field(default_factory=dict)
    threshold_structure: str = "flexible"
    threshold_parameters: Mapping[str, float] = field(default_factory=dict)
    nagq: int = 1
    fitted: Fitted | None = field(default=None, repr=False)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of all reported parameters, in the order of ``covariance``."""
        return (*self.thresholds, *self.coef, *self.random_sd, *self.random_correlation)

    @property
    def n_parameters(self) -> int:
        """How many parameters were estimated; fewer than are reported where thresholds have a structure."""
        free = self.threshold_parameters or self.thresholds
        return len(free) + len(self.coef) + len(self.random_sd) + len(self.random_correlation)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, with every parameter counted."""
        return 2 * self.n_parameters - 2 * self.log_likelihood

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row per parameter: ``term, kind (coef | threshold | random_sd), estimate, std_error, z, p, low, high``.

        Wald intervals at ``level``; that of a random_sd is computed on the log scale, and it has no z or p, since zero
        lies on the edge of what is possible. Thresholds have no p: that one is zero is no hypothesis.
        """
        quantile = _quantile(level)
        blocks = (("coef", self.coef), ("threshold", self.thresholds), ("random_sd", self.random_sd))
        rows = [
            _row(term, kind, estimate, self.standard_errors[term], quantile)
            for kind, estimates in blocks
            for term, estimate in estimates.items()
        ]
        return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))

    def odds(self, level: float = 0.95) -> pd.DataFrame:
        """Per coefficient ``term, odds_ratio, low, high, percent, p``: odds of a higher category, their change in %.

        Raises ConfigError unless the link is logit, for no other link's coefficients are log odds ratios.
        """
        if self.link != "logit":
            raise ConfigError(
                f"Odds ratios need the logit link; this model was fitted with {self.link!r}. Use to_frame()."
            )
        table = self.to_frame(level)
        table = table[table["kind"] == "coef"]
        ratio = np.exp(table["estimate"])
        with np.errstate(over="ignore"):  # an infinite limit is what separation gives
            low, high = np.exp(table["low"]), np.exp(table["high"])
        odds = pd.DataFrame(
            {
                "term": table["term"],
                "odds_ratio": ratio,
                "low": low,
                "high": high,
                "percent": 100 * (ratio - 1),
                "p": table["p"],
            }
        )
        return odds[list(ODDS_COLUMNS)].reset_index(drop=True)


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ConfigError(f"A confidence level lies between 0 and 1, found {level}.")
    return float(stats.norm.ppf(0.5 + level / 2))


def _row(term: str, kind: str, estimate: float, error: float, quantile: float) -> tuple[str | float, ...]:
    if kind == "random_sd":
        spread = np.exp(quantile * error / estimate) if error > 0 and estimate > 0 else np.nan
        return (term, kind, estimate, error, np.nan, np.nan, estimate / spread, estimate * spread)
    z = estimate / error
    p = 2 * stats.norm.sf(abs(z)) if kind == "coef" else np.nan
    return (term, kind, estimate, error, z, p, estimate - quantile * error, estimate + quantile * error)
