"""Variance components of a fit, and the share of the latent variance that each takes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pluralign.errors import ConfigError
from pluralign.stats.types import ClmmFit, behind

COMPONENT_COLUMNS = ("group", "effect", "levels", "variance", "sd", "std_error", "low", "high")
NOISE_VARIANCE: Mapping[str, float] = {
    "logit": np.pi**2 / 3,
    "probit": 1.0,
    "cloglog": np.pi**2 / 6,
    "loglog": np.pi**2 / 6,
}
"""Variance of the latent noise; the Cauchy distribution of the cauchit link has none."""


def variance_components(fit: ClmmFit, level: float = 0.95) -> pd.DataFrame:
    """One row per random effect with the columns COMPONENT_COLUMNS; standard error and interval are the sd's (Wald)."""
    table = fit.to_frame(level)
    own = {str(row["term"]): row for row in table[table["kind"] == "random_sd"].to_dict("records")}
    rows = []
    for group in behind(fit).design.groups if fit.random_sd else ():
        for k, effect in enumerate(group.effects):
            sd = float(own[group.label(k)]["estimate"])
            limits = (float(own[group.label(k)][name]) for name in ("std_error", "low", "high"))
            rows.append((group.group.name, effect, len(group.levels), sd**2, sd, *limits))
    return pd.DataFrame(rows, columns=list(COMPONENT_COLUMNS))


def icc(fit: ClmmFit) -> dict[str, float]:
    """Per grouping factor, its share of the variance of the latent rating around the predictors.

    This is the intraclass correlation: that of two latent ratings which share only this factor's level. With
    random slopes a factor's variance is its mean over the ratings (Johnson 2014). Raises ConfigError for the
    cauchit link, whose noise has no variance.
    """
    if fit.link not in NOISE_VARIANCE:
        raise ConfigError(f"With the link {fit.link} the noise has no variance, so there is no share of it.")
    fitted = behind(fit)
    shares = {}
    for group, root in zip(fitted.design.groups, fitted.design.problem.roots(fitted.optimum.parameters), strict=True):
        n = len(fitted.design.problem.y)
        columns = np.stack([np.ones(n) if column is None else column for column in group.columns], axis=1)
        shares[group.group.name] = float(((columns @ root) ** 2).sum(axis=1).mean())
    total = sum(shares.values()) + NOISE_VARIANCE[fit.link]
    return {name: value / total for name, value in shares.items()}
