"""What a fit says about itself: separation, the boundary, ill-conditioning, and whether the optimum was reached."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from pluralign.stats.design import Design
from pluralign.stats.links import FloatArray
from pluralign.stats.natural import Natural
from pluralign.stats.optimise import Optimum
from pluralign.stats.problem import Problem
from pluralign.stats.types import CONVERGED, ILL_CONDITIONED, Diagnostics

_FAR = 12.0  # on the latent scale, in standard deviations of the noise: beyond any probability that data can show


def covariance(hessian: FloatArray) -> tuple[FloatArray, float]:
    """The inverse of ``hessian`` and the condition number of its scaled form; nan and infinity where it has none."""
    diagonal = np.diagonal(hessian)
    if not np.all(np.isfinite(hessian)) or np.any(diagonal <= 0):
        return np.full_like(hessian, np.nan), np.inf
    scale = np.sqrt(diagonal)
    values, vectors = linalg.eigh(hessian / np.outer(scale, scale))
    if values[0] <= 1e-14 * values[-1]:
        return np.full_like(hessian, np.nan), np.inf
    return (vectors / values) @ vectors.T / np.outer(scale, scale), float(values[-1] / values[0])


def separated(problem: Problem, terms: tuple[str, ...], coef: FloatArray) -> tuple[str, ...]:
    """Columns with an infinite maximum likelihood estimate.

    An indicator whose ratings all lie in the lowest, or all in the highest, category has one; any other column shows it
    by an effect over its range that no data could tell from infinity.
    """
    found = []
    for name, column, value in zip(terms, problem.X.T, coef, strict=True):
        low, high = column.min(), column.max()
        two_valued = bool(np.all((column == low) | (column == high)))
        sides = [problem.y[column == side] for side in (low, high)] if two_valued else []
        one_sided = any(np.all(y == 0) or np.all(y == problem.n_categories - 1) for y in sides)
        if one_sided or abs(value) * (high - low) > _FAR:
            found.append(name)
    return tuple(found)


def lonely(design: Design) -> dict[str, str]:
    """Indicators that rest on a single level of a grouping factor, such as an answer that one rater gave."""
    found = {}
    for name, column in zip(design.terms, design.problem.X.T, strict=True):
        low, high = column.min(), column.max()
        if not np.all((column == low) | (column == high)):
            continue
        for group in design.groups:
            n = len(group.levels)
            of_level = np.bincount(group.codes, column == high, n) / np.bincount(group.codes, minlength=n)
            constant = np.all((of_level == 0) | (of_level == 1))
            if constant and min(int(of_level.sum()), n - int(of_level.sum())) == 1:
                found[name] = group.group.name
    return found


def diagnose(
    design: Design, reported: Natural, optimum: Optimum, condition: float
) -> tuple[Diagnostics, bool, tuple[str, ...]]:
    """Diagnostics, whether the fit converged, and warnings in sentences."""
    coef = design.problem.beta(optimum.parameters)
    diagnostics = Diagnostics(
        gradient=float(np.abs(optimum.gradient).max()),
        decrement=optimum.decrement,
        condition=condition,
        boundary=reported.boundary,
        separated=separated(design.problem, design.terms, coef),
        n_evaluations=optimum.n_evaluations,
    )
    converged = optimum.decrement < CONVERGED and np.isfinite(condition)
    warnings = [*_warnings(diagnostics, reported), *_about_lonely(lonely(design))]
    return diagnostics, bool(converged), tuple(warnings)


def _warnings(found: Diagnostics, reported: Natural) -> list[str]:
    out = []
    if not np.isfinite(found.decrement):
        out.append(
            "The search ended at a point from which the approximation of the likelihood cannot be followed further, as "
            "happens with the link cauchit; do not report these estimates. Use another link or, for a single random "
            "intercept, more points of quadrature (nagq)."
        )
    elif not found.decrement < CONVERGED:
        out.append(
            f"The search stopped {found.decrement:.2g} standard errors from the optimum (largest gradient "
            f"{found.gradient:.2g}); do not report these estimates."
        )
    if not np.isfinite(found.condition):
        out.append(
            "The Hessian is singular: the data do not determine all parameters, and there are no standard errors."
        )
    elif found.condition > ILL_CONDITIONED:
        out.append(
            f"The Hessian is close to singular (condition number {found.condition:.1e}): some effects are all but "
            "inseparable, and their standard errors are imprecise."
        )
    out += [
        f"The estimate of {name} runs off to infinity (separation): its ratings lie on one side of the scale. Its "
        "size and standard error mean nothing; merge the level with another."
        for name in found.separated
    ]
    sds = reported.of("random_sd")
    for name in found.boundary:
        if name not in sds:
            out.append(f"The random effects {name} lie on one line (correlation ±1); fit them without a correlation.")
        elif " | " in name:
            out.append(f"The random slope {name} has no variation (its standard deviation is estimated as zero).")
        else:
            out.append(
                f"The random intercept of {name} has no variation (its standard deviation is estimated as zero); the "
                "model is the one without it."
            )
    return out


def _about_lonely(found: dict[str, str]) -> list[str]:
    return [
        f"{name} rests on a single {group}: its estimate says as much about that {group} as about the group. Merge the "
        "level with another."
        for name, group in found.items()
    ]
