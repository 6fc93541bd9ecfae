"""Maximum likelihood for a :class:`~pluralign.stats.problem.Problem`: starting values, quasi-Newton, Newton, curvature.

Three stages, each of which leaves the next little to do:

1. fixed effects alone by Newton's method with the exact curvature (all there is to do without random terms);
2. BFGS on all parameters, with the curvature of the penalised likelihood as its first metric, until the Newton
   decrement says that less than a thousandth of a standard error is missing;
3. the Hessian, and Newton steps with it to the end.

Distances are measured in standard errors throughout (the decrement is √(g'H⁻¹g)), so no tolerance depends on the units
of a predictor.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from pluralign.errors import ConvergenceError
from pluralign.stats.curvature import hessian_at, solve
from pluralign.stats.laplace import Evaluation
from pluralign.stats.links import FloatArray
from pluralign.stats.problem import InfeasibleError, Problem
from pluralign.stats.search import Search, backtrack, bfgs
from pluralign.stats.starts import Start, first_metric, first_point, fixed_effects, near
from pluralign.stats.types import CONVERGED

_MOST_NEWTON_STEPS = 30
_FLAT = 1e-10  # eigenvalues of the scaled Hessian closer to zero are rounding


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Optimum:
    """Where the search ended. ``hessian`` is of the negative log-likelihood, at ``parameters`` or next to them.

    ``blocks`` are the conditional covariances of the random effects ``u``, per term (levels, effects, effects).
    """

    parameters: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    decrement: float
    u: FloatArray
    blocks: list[FloatArray]
    n_evaluations: int


def maximise(problem: Problem, start: Start | None = None) -> Optimum:
    """Fit ``problem``, from ``start`` if that leads anywhere.

    Raises ConvergenceError where not even starting values have a likelihood.
    """
    search = Search(problem, np.ones(problem.n_parameters))
    if start is not None:
        with suppress(InfeasibleError):
            optimum = _finish(search, *bfgs(search, *near(search, start)))
            if optimum.decrement < CONVERGED:
                return optimum
    try:
        parameters, here = fixed_effects(search)
        if problem.random is not None:
            parameters, here = first_point(search, parameters)
            parameters, here = bfgs(search, parameters, here, first_metric(problem, parameters, here))
        return _finish(search, parameters, here)
    except InfeasibleError as error:
        raise ConvergenceError(
            "The likelihood cannot be computed at the starting values; rescale extreme predictors or use another link."
        ) from error


def maximise_with(problem: Problem, parameters: FloatArray, held: int, hessian: FloatArray, u: FloatArray) -> Optimum:
    """The optimum with parameter ``held`` kept at its value, from a start and a Hessian near it.

    Raises InfeasibleError where the start has no likelihood.
    """
    free = np.ones(problem.n_parameters)
    free[held] = 0.0
    search = Search(problem, free)
    here = search(parameters, u)
    keep = np.flatnonzero(free)
    metric = np.zeros_like(hessian)
    metric[np.ix_(keep, keep)] = solve(hessian[np.ix_(keep, keep)], np.eye(len(keep)))
    parameters, here = bfgs(search, parameters, here, metric)
    return _optimum(search, parameters, here, hessian, np.nan)


def _finish(search: Search, parameters: FloatArray, here: Evaluation) -> Optimum:
    """Newton steps with the Hessian, which is renewed when a step was long or did not help enough.

    Negative curvature is stepped along, not back from: a standard deviation of zero is a stationary point even where
    the likelihood rises on both sides of it. Where there is no Hessian the search ends, with nothing known of how far.
    """
    problem = search.problem
    hessian = _hessian_or_nan(problem, parameters, here)
    decrement = np.inf
    for _ in range(_MOST_NEWTON_STEPS):
        if not np.all(np.isfinite(hessian)):
            decrement = np.inf
            break
        before, (step, decrement, lowest, downhill) = decrement, _newton(hessian, here.gradient)
        if decrement < CONVERGED:
            if lowest > -_FLAT:
                break
            parameters, here, moved = _escape(search, parameters, here, downhill)
        else:
            parameters, here, moved = backtrack(search, parameters, here, search.shortened(step))
        if not moved:
            break
        if decrement > 0.05 or decrement > 0.2 * before or lowest <= -_FLAT:
            hessian = _hessian_or_nan(problem, parameters, here)
    return _optimum(search, parameters, here, hessian, decrement)


def _hessian_or_nan(problem: Problem, parameters: FloatArray, here: Evaluation) -> FloatArray:
    try:
        return hessian_at(problem, parameters, here)
    except InfeasibleError:
        return np.full((len(parameters), len(parameters)), np.nan)


def _newton(hessian: FloatArray, gradient: FloatArray) -> tuple[FloatArray, float, float, FloatArray]:
    """The step, the decrement, the lowest eigenvalue of the scaled Hessian and its direction.

    Eigenvalues count by their size, so that the step goes downhill where the curvature is negative.
    """
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(hessian)), 1e-12))
    values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
    along = vectors.T @ (gradient / scale)
    sizes = np.maximum(np.abs(values), _FLAT * np.abs(values).max())
    step = -(vectors @ (along / sizes)) / scale
    decrement = float(np.sqrt((along**2 / sizes).sum()))
    downhill = vectors[:, 0] / scale / np.sqrt(max(abs(float(values[0])), _FLAT))
    return step, decrement, float(values[0]), downhill


def _escape(
    search: Search, parameters: FloatArray, here: Evaluation, direction: FloatArray
) -> tuple[FloatArray, Evaluation, bool]:
    """Leave a saddle along ``direction`` or against it, as far as the likelihood rises."""
    for size in (1.0, -1.0, 0.2, -0.2, 0.04, -0.04):
        try:
            there = search(parameters + size * direction, here.u)
        except InfeasibleError:
            continue
        if there.value < here.value - 1e-9 * (1 + abs(here.value)):
            return parameters + size * direction, there, True
    return parameters, here, False


def _optimum(
    search: Search, parameters: FloatArray, here: Evaluation, hessian: FloatArray, decrement: float
) -> Optimum:
    return Optimum(
        parameters=parameters,
        value=here.value,
        gradient=here.gradient,
        hessian=hessian,
        decrement=decrement,
        u=here.u,
        blocks=here.blocks,
        n_evaluations=search.n_evaluations,
    )
