"""Profile likelihood intervals: the values of one parameter that a likelihood ratio test does not reject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pluralign.errors import ConfigError
from pluralign.stats.links import FloatArray
from pluralign.stats.optimise import Optimum, maximise_with
from pluralign.stats.problem import InfeasibleError
from pluralign.stats.types import ClmmFit, Fitted, behind, quantile

PROFILE_COLUMNS = ("term", "estimate", "low", "high")
_MOST_STEPS = 15
_PRECISE = 1e-4  # on the root of twice the fall of the log-likelihood


def profile(fit: ClmmFit, terms: Sequence[str] | None = None, level: float = 0.95) -> pd.DataFrame:
    """Profile intervals of the coefficients, or of ``terms``, with the columns PROFILE_COLUMNS.

    Terms are coefficients, thresholds (if flexible) and standard deviations of effects without a correlation. A limit
    is zero for a standard deviation that may be zero, infinite or missing (nan) where the profile rises too little.
    Raises ConfigError for other terms.
    """
    fitted = behind(fit)
    where = _positions(fitted)
    wanted = list(fit.coef) if terms is None else list(terms)
    for term in wanted:
        if term not in where:
            raise ConfigError(f"There is no profile interval of {term!r}; there are those of {', '.join(where)}.")
    z = quantile(level)
    with threadpool_limits(limits=1, user_api="blas"):  # as in clmm.fit
        rows = [(term, *_interval(fitted, *where[term], z)) for term in wanted]
    return pd.DataFrame(rows, columns=list(PROFILE_COLUMNS))


def _interval(fitted: Fitted, at: int, size: float, z: float) -> tuple[float, float, float]:
    """Estimate and limits of the parameter searched at ``at``; ``size`` is 0 or a standard deviation's unit."""
    low, high = (_limit(fitted, at, side, z, positive=size > 0) for side in (-1.0, 1.0))
    estimate = float(fitted.optimum.parameters[at])
    return (abs(estimate) / size, low / size, high / size) if size else (estimate, low, high)


def _positions(fitted: Fitted) -> dict[str, tuple[int, float]]:
    """Where each reported parameter that is itself searched over lies; for standard deviations their unit, else 0."""
    design = fitted.design
    found: dict[str, tuple[int, float]] = {}
    if design.structure.name == "flexible":
        found.update({name: (k, 0.0) for k, name in enumerate(design.structure.names)})
    found.update({name: (design.problem.n_alpha + j, 0.0) for j, name in enumerate(design.terms)})
    at = design.problem.n_fixed
    for group in design.groups:
        for k, (a, b) in enumerate(group.free):
            if a == b and sum(row == a for row, _ in group.free) == 1:
                found[group.label(a)] = (at + k, float(group.sizes[a]))
        at += len(group.free)
    return found


def _limit(fitted: Fitted, at: int, side: float, z: float, *, positive: bool) -> float:
    """Where the root of twice the fall of the log-likelihood reaches ``z`` on one side of the estimate."""
    centre, variance = float(fitted.optimum.parameters[at]), float(fitted.covariance[at, at])
    if not variance > 0:
        return float("nan")
    if not positive:
        return centre + side * _distance(fitted, at, side, z, np.inf)
    floor = abs(centre) if side < 0 else np.inf  # the sign of a standard deviation has no meaning: down to zero only
    outwards = -1.0 if centre < 0 else 1.0
    return abs(centre) + side * _distance(fitted, at, side * outwards, z, floor)


def _distance(fitted: Fitted, at: int, side: float, z: float, most: float) -> float:
    """How far from the estimate the limit lies, by the secant method; ``most`` if it lies beyond, nan if not found."""
    optimum = fitted.optimum
    error = float(np.sqrt(fitted.covariance[at, at]))
    path = fitted.covariance[:, at] / fitted.covariance[at, at]
    start, u = optimum.parameters, optimum.u
    before, distance = (0.0, 0.0), min(z * error, most)
    for _ in range(_MOST_STEPS):
        value = float(optimum.parameters[at]) + side * distance
        found = _held(fitted, at, value, start + (value - start[at]) * path, u)
        if found is None:
            break
        fall = float(np.sqrt(max(2 * (found.value - optimum.value), 0.0)))
        if abs(fall - z) < _PRECISE or (distance == most and fall < z):
            return distance
        slope = (fall - before[1]) / (distance - before[0])
        if slope <= 1e-8 / error or distance > 100 * z * error:
            return np.inf
        start, u, before = found.parameters, found.u, (distance, fall)
        distance = min(max(distance + (z - fall) / slope, 0.1 * distance), 4 * distance, most)
        if distance == before[0]:
            break
    return float("nan")


def _held(fitted: Fitted, at: int, value: float, start: FloatArray, u: FloatArray) -> Optimum | None:
    start = start.copy()
    start[at] = value
    try:
        return maximise_with(fitted.design.problem, start, at, fitted.optimum.hessian, u)
    except InfeasibleError:
        pass
    start = fitted.optimum.parameters.copy()
    start[at] = value
    try:
        return maximise_with(fitted.design.problem, start, at, fitted.optimum.hessian, fitted.optimum.u)
    except InfeasibleError:
        return None
