"""Maximum likelihood for a :class:`~pluralign.stats.laplace.Problem`: starting values, quasi-Newton, Newton, curvature.

Three stages, each of which leaves the next little to do:

1. fixed effects alone by Newton's method with the exact curvature (all there is to do without random terms);
2. BFGS on all parameters, with the curvature of the penalised likelihood as its first metric and û predicted to first
   order at every trial point, until the Newton decrement says that less than a hundredth of a standard error is
   missing;
3. the Hessian by central differences of the exact gradient, and Newton steps with it to the end.

Distances are measured in standard errors throughout (the decrement is √(g'H⁻¹g)), so no tolerance depends on the units
of a predictor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from pluralign.errors import ConvergenceError
from pluralign.stats.laplace import Evaluation, InfeasibleError, Problem, evaluate
from pluralign.stats.links import FloatArray

CONVERGED = 1e-4
"""An optimum is accepted when the Newton decrement is below this: a ten-thousandth of a standard error."""

_NEAR = 1e-2
_DIFFERENCE = 1e-2  # step of the finite differences, in standard errors
_FIRST_SD = 0.7
_MOST_STEPS = 200
_MOST_HALVINGS = 25
_LONGEST_STEP = 2.0  # on any standard deviation, per step


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Optimum:
    """Where the search ended. ``hessian`` is of the negative log-likelihood, at ``parameters`` or next to them."""

    parameters: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    decrement: float
    u: FloatArray
    variances: FloatArray
    n_evaluations: int


class _Objective:
    """L as a function of the parameters, which remembers its last accepted point to start the modes from."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.n_evaluations = 0

    def __call__(self, parameters: FloatArray, u: FloatArray, *, local: bool = False) -> Evaluation:
        self.n_evaluations += 1
        return evaluate(self.problem, parameters, u, local=local)


def maximise(problem: Problem) -> Optimum:
    """Fit ``problem``. Raises ConvergenceError where not even starting values have a likelihood."""
    objective = _Objective(problem)
    try:
        parameters, here = _fixed_effects(objective)
        if problem.random is not None:
            parameters = np.concatenate([parameters, np.full(len(problem.random.levels), _FIRST_SD)])
            parameters, here = _bfgs(objective, parameters)
        return _finish(objective, parameters, here)
    except InfeasibleError as error:
        raise ConvergenceError(
            "The likelihood cannot be computed at the starting values; rescale extreme predictors or use another link."
        ) from error


def _fixed_effects(objective: _Objective) -> tuple[FloatArray, Evaluation]:
    problem = objective.problem
    alone = Problem(
        y=problem.y,
        X=problem.X,
        n_categories=problem.n_categories,
        link=problem.link,
        random=None,
        weights=problem.weights,
    )
    share = np.bincount(problem.y, problem.weights, problem.n_categories).astype(np.float64)
    share = np.cumsum(share / share.sum())[:-1]
    parameters = np.concatenate([problem.link.quantile(share), np.zeros(problem.X.shape[1])])
    search = _Objective(alone)
    nothing = np.empty(0)
    here = search(parameters, nothing, local=True)
    for _ in range(_MOST_STEPS):
        step = _solve(here.information, here.gradient)
        if here.gradient @ step < _NEAR**4:
            break
        parameters, here, moved = _backtrack(search, parameters, here, -step, local=True)
        if not moved:
            break
    objective.n_evaluations += search.n_evaluations
    return parameters, here


def _solve(matrix: FloatArray | None, right: FloatArray) -> FloatArray:
    """matrix⁻¹ right, with a ridge that grows until the matrix is positive definite."""
    assert matrix is not None
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(matrix)), 1e-12))
    scaled = matrix / np.outer(scale, scale)
    ridge = 0.0
    while ridge < 1e6:
        try:
            root = linalg.cho_factor(scaled + ridge * np.eye(len(scaled)))
            return np.asarray(linalg.cho_solve(root, right / scale) / scale)
        except linalg.LinAlgError:
            ridge = max(10 * ridge, 1e-8)
    raise InfeasibleError


def _backtrack(
    objective: _Objective, parameters: FloatArray, here: Evaluation, step: FloatArray, *, local: bool = False
) -> tuple[FloatArray, Evaluation, bool]:
    """Halve ``step`` until L falls enough (Armijo); returns the old point and False where it never does."""
    slope = float(here.gradient @ step)
    slack = 1e-11 * (1 + abs(here.value))
    for _ in range(_MOST_HALVINGS):
        trial = parameters + step
        try:
            there = objective(trial, here.u, local=local)
        except InfeasibleError:
            there = None
        if there is not None and there.value <= here.value + 1e-4 * slope + slack:
            return trial, there, True
        step, slope = step / 2, slope / 2
    return parameters, here, False


def _first_metric(problem: Problem, parameters: FloatArray, here: Evaluation) -> FloatArray:
    """The inverse of an approximate Hessian: exact up to log det H for the fixed part, and for a standard deviation
    the information that as many normal observations would carry as the modes are worth."""
    assert problem.random is not None
    assert here.information is not None
    inverse = np.zeros((problem.n_parameters, problem.n_parameters))
    m = problem.n_fixed
    inverse[:m, :m] = _solve(here.information, np.eye(m))
    for g, variances in enumerate(problem.random.split(here.variances)):
        worth = 2 * float(((1 - variances) ** 2).sum()) / parameters[m + g] ** 2
        inverse[m + g, m + g] = 1 / max(worth, 1.0)
    return inverse


def _bfgs(objective: _Objective, parameters: FloatArray) -> tuple[FloatArray, Evaluation]:
    here = objective(parameters, np.zeros(objective.problem.n_random), local=True)
    metric = _first_metric(objective.problem, parameters, here)
    for _ in range(_MOST_STEPS):
        step = -metric @ here.gradient
        if -(here.gradient @ step) < _NEAR**2:
            break
        step *= min(1.0, _LONGEST_STEP / max(np.abs(step[objective.problem.n_fixed :]).max(), 1e-12))
        there_parameters, there, moved = _backtrack(objective, parameters, here, step)
        if not moved:
            break
        metric = _update(metric, there_parameters - parameters, there.gradient - here.gradient)
        parameters, here = there_parameters, there
    return parameters, here


def _update(metric: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """The BFGS update of an inverse Hessian; left as it is where the curvature along the step is not positive."""
    curvature = float(step @ change)
    if curvature <= 1e-10 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return metric
    left = np.eye(len(step)) - np.outer(step, change) / curvature
    return np.asarray(left @ metric @ left.T + np.outer(step, step) / curvature)


def _hessian(objective: _Objective, parameters: FloatArray, here: Evaluation, widths: FloatArray) -> FloatArray:
    """Central differences of the exact gradient, with û moved along its derivative."""
    assert here.drift is not None
    columns = []
    for j, width in enumerate(widths):
        gradients = []
        for side in (width, -width):
            trial = parameters.copy()
            trial[j] += side
            start = here.u + side * here.drift[:, j] if here.u.size else here.u
            gradients.append(objective(trial, start).gradient)
        columns.append((gradients[0] - gradients[1]) / (2 * width))
    hessian = np.stack(columns)
    return np.asarray((hessian + hessian.T) / 2)


def _widths(problem: Problem, parameters: FloatArray, here: Evaluation) -> FloatArray:
    """Steps for the differences: a fraction of each standard error, and of the gap to the next threshold."""
    assert here.information is not None
    spread = np.sqrt(np.abs(np.diagonal(_solve(here.information, np.eye(problem.n_fixed)))))
    gaps = np.diff(parameters[: problem.n_thresholds])
    if len(gaps):
        room = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps))
        spread[: problem.n_thresholds] = np.minimum(spread[: problem.n_thresholds], room)
    widths = np.minimum(_DIFFERENCE * spread, 1.0)
    if problem.random is None:
        return widths
    sd_widths = [
        _DIFFERENCE / np.sqrt(max(2 * float(((1 - v) ** 2).sum()) / max(sd**2, 1e-6), 1.0))
        for sd, v in zip(parameters[problem.n_fixed :], problem.random.split(here.variances), strict=True)
    ]
    return np.concatenate([widths, sd_widths])


def _finish(objective: _Objective, parameters: FloatArray, here: Evaluation) -> Optimum:
    """Newton steps with the differenced Hessian, which is renewed when a step was long."""
    problem = objective.problem

    def renew(at: FloatArray, value: Evaluation) -> FloatArray:
        return _hessian(objective, at, value, _widths(problem, at, value))

    here = objective(parameters, here.u, local=True)
    hessian = renew(parameters, here)
    decrement = np.inf
    for _ in range(10):
        step = _solve(hessian, here.gradient)
        decrement = float(np.sqrt(max(float(here.gradient @ step), 0.0)))
        if decrement < CONVERGED:
            break
        parameters, here, moved = _backtrack(objective, parameters, here, -step, local=True)
        if not moved:
            break
        if decrement > 0.05:
            hessian = renew(parameters, here)
    return Optimum(
        parameters=parameters,
        value=here.value,
        gradient=here.gradient,
        hessian=hessian,
        decrement=decrement,
        u=here.u,
        variances=here.variances,
        n_evaluations=objective.n_evaluations,
    )
