"""Cumulative link models, with and without random intercepts: the public functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pluralign.errors import ConfigError
from pluralign.stats import diagnostics, optimise
from pluralign.stats.design import Design, Missing, build
from pluralign.stats.formula import Formula, parse
from pluralign.stats.links import FloatArray, link_by_name
from pluralign.stats.types import ClmmFit


def clmm(
    formula: str,
    data: Any,
    link: str = "logit",
    *,
    weights: str | Sequence[float] | FloatArray | None = None,
    missing: Missing = "drop",
) -> ClmmFit:
    """Fit a cumulative link mixed model by the joint Laplace approximation, as R's ``ordinal::clmm`` does.

    Args:
        formula: ``rating ~ gender + age + (1 | rater) + (1 | context)``. Predictors are formulaic's; text and
            categorical columns get treatment contrasts whose reference is the first category, or the first value in
            sorted order, or the one named in ``C(gender, contr.treatment("she"))``. Random intercepts may be crossed
            or nested.
        data: a pandas or polars data frame or an Arrow table, one row per rating. The response holds whole numbers
            1 … K or is an ordered categorical.
        link: logit, probit, cloglog, loglog or cauchit.
        weights: a column name, or one number per row: how often each rating counts.
        missing: "drop" leaves rows with missing values out and counts them in ``n_dropped``; "error" refuses them.

    Raises:
        ConfigError: a formula, link or option that cannot be used.
        SchemaError: a column that the data lack.
        DataError: data from which the model cannot be estimated (constant response, unused category, single level …).
        ConvergenceError: no likelihood at the starting values. A doubtful fit is returned and says so instead.
    """
    parsed = parse(formula)
    if not parsed.groups:
        raise ConfigError(f"{parsed.text!r} has no random term such as (1 | rater); use clm for a model without.")
    return _fit(parsed, build(parsed, data, link_by_name(link), weights, missing))


def clm(
    formula: str,
    data: Any,
    link: str = "logit",
    *,
    weights: str | Sequence[float] | FloatArray | None = None,
    missing: Missing = "drop",
) -> ClmmFit:
    """Fit a cumulative link model without random effects by maximum likelihood.

    Arguments and errors are those of :func:`clmm`.
    """
    parsed = parse(formula)
    if parsed.groups:
        raise ConfigError(f"clm fits no random terms, but {parsed.text!r} has (1 | {parsed.groups[0].name}); use clmm.")
    return _fit(parsed, build(parsed, data, link_by_name(link), weights, missing))


def _fit(formula: Formula, design: Design) -> ClmmFit:
    problem = design.problem
    optimum = optimise.maximise(problem)
    groups = tuple(design.levels)
    matrix, condition = diagnostics.covariance(optimum.hessian)
    found, converged, warnings = diagnostics.diagnose(problem, design.terms, groups, optimum, condition)
    signs = np.ones(problem.n_parameters)
    signs[problem.n_fixed :] = np.where(optimum.parameters[problem.n_fixed :] < 0, -1.0, 1.0)
    estimates = optimum.parameters * signs
    matrix = matrix * np.outer(signs, signs)
    matrix.setflags(write=False)
    parted = [f"{low}|{high}" for low, high in zip(design.categories, design.categories[1:], strict=False)]
    names = [*parted, *design.terms, *groups]
    errors = dict(zip(names, np.sqrt(np.diagonal(matrix)).tolist(), strict=True))
    errors.update({name: float("nan") for name in found.boundary})
    k, m = problem.n_thresholds, problem.n_fixed
    return ClmmFit(
        formula=formula.text,
        link=problem.link.name,
        response=formula.response,
        categories=design.categories,
        category_counts=tuple(np.bincount(problem.y).tolist()),
        thresholds=dict(zip(parted, estimates[:k].tolist(), strict=True)),
        coef=dict(zip(design.terms, estimates[k:m].tolist(), strict=True)),
        random_sd=dict(zip(groups, estimates[m:].tolist(), strict=True)),
        standard_errors=errors,
        covariance=matrix,
        modes=_modes(design, optimum),
        log_likelihood=-optimum.value,
        converged=converged,
        diagnostics=found,
        warnings=(*design.notes, *warnings),
        n_ratings=len(problem.y),
        n_dropped=design.n_dropped,
        n_levels={name: len(levels) for name, levels in design.levels.items()},
    )


def _modes(design: Design, optimum: optimise.Optimum) -> dict[str, pd.DataFrame]:
    """Conditional modes and their standard errors, given the estimates, on the scale of η."""
    random = design.problem.random
    if random is None:
        return {}
    sd = optimum.parameters[design.problem.n_fixed :]
    return {
        name: pd.DataFrame({"level": list(levels), "mode": sd[g] * u, "std_error": abs(sd[g]) * np.sqrt(variances)})
        for g, ((name, levels), u, variances) in enumerate(
            zip(design.levels.items(), random.split(optimum.u), random.split(optimum.variances), strict=True)
        )
    }
