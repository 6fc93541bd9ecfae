"""Where a search for the optimum begins: at another fit, or with the fixed effects and one step of EM for the rest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pluralign.stats.curvature import scale_spread, solve
from pluralign.stats.laplace import Evaluation, local
from pluralign.stats.links import FloatArray
from pluralign.stats.problem import InfeasibleError, Problem
from pluralign.stats.search import Search, backtrack
from pluralign.stats.types import CONVERGED

_FIRST_SDS = (0.7, 0.2, 0.05)
_OFF_ZERO = 0.1
_MOST_STEPS = 40
_WIDER = 0.346  # of the variance of random effects, in units of logistic noise: Zeger, Liang and Albert (1988)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a search may begin: at the optimum of the same model on much the same ratings.

    ``fixed`` is None where only the random effects are comparable, as when points of the scale were joined since.
    ``covariance`` is over ``fixed`` and ``scales`` (the free entries of Λ), or over ``scales`` alone.
    """

    fixed: FloatArray | None
    scales: FloatArray
    covariance: FloatArray


def near(search: Search, start: Start) -> tuple[FloatArray, Evaluation, FloatArray]:
    """The point of ``start``, evaluated, and the first metric there.

    Standard deviations of zero are moved off it, for there the slope is zero even where the likelihood has its least
    value. Where the fixed part is not given it is that of the model without random effects, widened as these widen the
    latent ratings.
    """
    problem = search.problem
    assert problem.random is not None
    nothing = np.zeros(problem.n_random)
    scales = np.where(_on_diagonal(problem) & (np.abs(start.scales) < _OFF_ZERO), _OFF_ZERO, start.scales)
    if start.fixed is not None:
        parameters = np.concatenate([start.fixed, scales])
        return parameters, search(parameters, nothing), start.covariance
    fixed, _ = fixed_effects(search)
    parameters = np.concatenate([fixed * np.sqrt(1 + _WIDER * float(scales @ scales)), scales])
    here = search(parameters, nothing)
    metric = first_metric(problem, parameters, here)
    metric[problem.n_fixed :, problem.n_fixed :] = start.covariance
    return parameters, here, metric


def fixed_effects(search: Search) -> tuple[FloatArray, Evaluation]:
    """The optimum of the model without its random effects, by Newton's method with the exact curvature."""
    problem = search.problem
    alone = replace(problem, random=None, quadrature=1)
    parameters = np.concatenate([_first_alpha(problem), np.zeros(problem.X.shape[1])])
    inner = Search(alone, np.ones(alone.n_parameters))
    nothing = np.empty(0)
    here = inner(parameters, nothing)
    for _ in range(_MOST_STEPS):
        step = solve(local(alone, parameters, here).information, here.gradient)
        if here.gradient @ step < CONVERGED**2:
            break
        parameters, here, moved = backtrack(inner, parameters, here, -step)
        if not moved:
            break
    search.n_evaluations += inner.n_evaluations
    return parameters, here


def _first_alpha(problem: Problem) -> FloatArray:
    """The thresholds of the shares of the categories, as near as their structure allows, spread where it folds them."""
    share = np.bincount(problem.y, problem.weights, problem.n_categories).astype(np.float64)
    theta = problem.link.quantile(np.cumsum(share / share.sum())[:-1])
    alpha = np.linalg.lstsq(problem.jacobian, theta, rcond=None)[0]
    if len(theta) > 1 and np.any(np.diff(problem.jacobian @ alpha) <= 0):
        even = np.linspace(theta[0], theta[-1], len(theta))
        alpha = np.linalg.lstsq(problem.jacobian, even, rcond=None)[0]
    return np.concatenate([alpha, np.zeros(problem.n_alpha - len(alpha))])


def first_point(search: Search, fixed: FloatArray) -> tuple[FloatArray, Evaluation]:
    """Λ diagonal: every effect varies η about as much as noise does, slopes being scaled to a mean square of one.

    Less where the modes cannot be found so far out, which happens with links that are not log-concave. One step of EM
    from there: each standard deviation becomes that of the modes, what is uncertain about them included.
    """
    problem = search.problem
    assert problem.random is not None
    diagonal = _on_diagonal(problem)
    for sd in _FIRST_SDS:
        parameters = np.concatenate([fixed, sd * diagonal])
        try:
            here = search(parameters, np.zeros(problem.n_random))
        except InfeasibleError:
            continue
        spread = [
            np.sqrt(np.mean(u**2 + np.diagonal(block, axis1=1, axis2=2), axis=0))
            for u, block in zip(problem.random.split(here.u), here.blocks, strict=True)
        ]
        nearer = parameters.copy()
        nearer[problem.n_fixed :][diagonal] *= np.concatenate(spread)
        with suppress(InfeasibleError):
            return nearer, search(nearer, here.u)
        return parameters, here
    raise InfeasibleError


def first_metric(problem: Problem, parameters: FloatArray, here: Evaluation) -> FloatArray:
    """The inverse of an approximate Hessian: exact up to log det H for the fixed part, a guess for Λ."""
    inverse = np.zeros((problem.n_parameters, problem.n_parameters))
    m = problem.n_fixed
    information = local(problem, parameters, here).information[:m, :m]
    inverse[:m, :m] = solve(information, np.eye(m))
    inverse[np.arange(m, len(inverse)), np.arange(m, len(inverse))] = scale_spread(problem, parameters, here) ** 2
    return inverse


def _on_diagonal(problem: Problem) -> NDArray[np.bool_]:
    """Which of the free entries of Λ are variations of one effect, not between two; effects in their order."""
    assert problem.random is not None
    return np.array([a == b for term in problem.random.terms for a, b in term.free])
