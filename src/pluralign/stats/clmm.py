"""Cumulative link models, with and without random effects: the public functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pluralign.errors import ConfigError
from pluralign.stats import diagnostics, optimise
from pluralign.stats.design import Design, build
from pluralign.stats.formula import parse
from pluralign.stats.inputs import Missing, Weights
from pluralign.stats.links import link_by_name
from pluralign.stats.natural import natural
from pluralign.stats.starts import Start
from pluralign.stats.types import ClmmFit, Fitted

_SEEN_FREED = 30_000_000  # bytes; glibc looks at nothing above 32 MiB


def clmm(
    formula: str,
    data: Any,
    link: str = "logit",
    *,
    threshold: str = "flexible",
    nagq: int = 1,
    weights: Weights = None,
    missing: Missing = "drop",
) -> ClmmFit:
    """Fit a cumulative link mixed model by the joint Laplace approximation, as R's ``ordinal::clmm`` does.

    Args:
        formula: ``rating ~ gender + age + (1 | rater) + (1 | context)``. Predictors are formulaic's; text and
            categorical columns get treatment contrasts whose reference is the first category, or the first value in
            sorted order, or the one named in ``C(gender, contr.treatment("she"))``. Random terms are R's: crossed,
            nested ``(1 | a/b)``, slopes ``(1 + x | g)``, slopes without correlation ``(x || g)``.
        data: a pandas or polars data frame or an Arrow table, one row per rating. The response holds whole numbers
            1 … K or is an ordered categorical.
        link: logit, probit, cloglog, loglog or cauchit.
        threshold: flexible, symmetric or equidistant.
        nagq: points of adaptive Gauss–Hermite quadrature, for one random intercept; 1 is Laplace's approximation.
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
    return fit(build(parsed, data, link_by_name(link), weights, missing, threshold, nagq))


def clm(
    formula: str,
    data: Any,
    link: str = "logit",
    *,
    threshold: str = "flexible",
    weights: Weights = None,
    missing: Missing = "drop",
) -> ClmmFit:
    """Fit a cumulative link model without random effects by maximum likelihood.

    Arguments and errors are those of :func:`clmm`.
    """
    parsed = parse(formula)
    if parsed.groups:
        raise ConfigError(f"clm fits no random terms, but {parsed.text!r} has (1 | {parsed.groups[0].name}); use clmm.")
    return fit(build(parsed, data, link_by_name(link), weights, missing, threshold, 1))


def fit(design: Design, near: ClmmFit | None = None) -> ClmmFit:
    """Fit an arranged model. ``near`` is a fit of the same model to much the same ratings, from which the search starts
    where that is sound; the optimum is the same without it."""
    _keep_memory()
    # The matrices are small, and threads of the linear algebra wait for each other longer than they compute.
    with threadpool_limits(limits=1, user_api="blas"):
        return _fit(design, _start(design, near))


def _keep_memory() -> None:
    """Have the allocator keep what is freed for the next array of its size, where it is glibc's.

    That hands arrays of some 100 kB back to the system each time, and a search makes thousands of them: a quarter of
    its time. Once it has seen a larger block freed it stops; this one is never touched, so it takes no memory.
    """
    np.empty(_SEEN_FREED, dtype=np.uint8)


def _start(design: Design, near: ClmmFit | None) -> Start | None:
    """What ``near`` tells of where the optimum lies: nothing where it is doubtful or has no finite estimate."""
    if near is None or near.fitted is None or design.problem.random is None:
        return None
    if not near.converged or near.diagnostics.separated:
        return None
    other, optimum = near.fitted.design, near.fitted.optimum
    if [(each.group, each.effects) for each in design.groups] != [(each.group, each.effects) for each in other.groups]:
        return None
    m = other.problem.n_fixed
    scales = optimum.parameters[m:]
    if (design.terms, design.structure.names) == (other.terms, other.structure.names):
        return Start(optimum.parameters[:m], scales, near.fitted.covariance)
    return Start(None, scales, near.fitted.covariance[m:, m:])


def _fit(design: Design, start: Start | None) -> ClmmFit:
    problem = design.problem
    optimum = optimise.maximise(problem, start)
    reported = natural(design, optimum.parameters)
    searched, condition = diagnostics.covariance(optimum.hessian)
    found, converged, warnings = diagnostics.diagnose(design, reported, optimum, condition)
    covariance = reported.jacobian @ searched @ reported.jacobian.T
    covariance.setflags(write=False)
    errors = dict(zip(reported.names, np.sqrt(np.maximum(np.diagonal(covariance), 0.0)).tolist(), strict=True))
    errors.update({name: float("nan") for name in found.boundary})
    alpha = problem.alpha(optimum.parameters).tolist()
    return ClmmFit(
        formula=design.formula.text,
        link=problem.link.name,
        response=design.formula.response,
        categories=design.categories,
        category_counts=tuple(np.bincount(problem.y).tolist()),
        thresholds=reported.of("threshold"),
        threshold_structure=design.structure.name,
        threshold_parameters=dict(zip(design.structure.names, alpha, strict=True)),
        coef=reported.of("coef"),
        random_sd=reported.of("random_sd"),
        random_correlation=reported.of("random_correlation"),
        standard_errors=errors,
        covariance=covariance,
        modes=_modes(design, optimum),
        log_likelihood=-optimum.value,
        nagq=problem.quadrature,
        converged=converged,
        diagnostics=found,
        warnings=(*design.notes, *warnings),
        n_ratings=len(problem.y),
        n_dropped=design.n_dropped,
        n_levels={group.group.name: len(group.levels) for group in design.groups},
        fitted=Fitted(design, optimum, searched, reported),
    )


def _modes(design: Design, optimum: optimise.Optimum) -> dict[str, pd.DataFrame]:
    """Conditional modes and their standard errors, given the estimates, on the scale of η."""
    random = design.problem.random
    if random is None:
        return {}
    roots = design.problem.roots(optimum.parameters)
    out = {}
    for group, root, u, block in zip(design.groups, roots, random.split(optimum.u), optimum.blocks, strict=True):
        mode = u @ root.T / group.sizes
        error = np.sqrt(np.diagonal(root @ block @ root.T, axis1=1, axis2=2)) / group.sizes
        table = pd.DataFrame({"level": np.repeat(np.array(group.levels, dtype=object), mode.shape[1]).tolist()})
        if group.effects != ("1",):
            table["effect"] = list(group.effects) * len(group.levels)
        out[group.group.name] = table.assign(mode=mode.ravel(), std_error=error.ravel())
    return out
