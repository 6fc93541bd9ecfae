"""The way downhill on the negative log-likelihood: steps that are halved until they help, and BFGS made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pluralign.stats.laplace import Evaluation, evaluate
from pluralign.stats.links import FloatArray
from pluralign.stats.problem import InfeasibleError, Problem

_NEAR = 1e-3  # the decrement where BFGS ends: the curvature there is that of the optimum to about as much
_MOST_STEPS = 40
_MOST_HALVINGS = 25
_LONGEST_STEP = 2.0  # on any entry of Λ, per step


@dataclass(slots=True)
class Search:
    """The problem, which parameters may move, and a count of the evaluations."""

    problem: Problem
    free: FloatArray  # 1 where a parameter is free, 0 where it is held
    n_evaluations: int = 0

    def __call__(self, parameters: FloatArray, u: FloatArray) -> Evaluation:
        self.n_evaluations += 1
        return evaluate(self.problem, parameters, u)

    def slope(self, here: Evaluation) -> FloatArray:
        return here.gradient * self.free

    def shortened(self, step: FloatArray) -> FloatArray:
        """``step``, or as much of it as moves no entry of Λ too far."""
        furthest = float(np.abs(step[self.problem.n_fixed :]).max(initial=1e-12))
        return step * min(1.0, _LONGEST_STEP / furthest)


def backtrack(
    search: Search, parameters: FloatArray, here: Evaluation, step: FloatArray
) -> tuple[FloatArray, Evaluation, bool]:
    """Halve ``step`` until L falls enough (Armijo); returns the old point and False where it never does."""
    slope = float(here.gradient @ step)
    slack = 1e-11 * (1 + abs(here.value))
    for _ in range(_MOST_HALVINGS):
        trial = parameters + step
        try:
            there = search(trial, here.u)
        except InfeasibleError:
            there = None
        if there is not None and there.value <= here.value + 1e-4 * slope + slack:
            return trial, there, True
        step, slope = step / 2, slope / 2
    return parameters, here, False


def bfgs(search: Search, parameters: FloatArray, here: Evaluation, metric: FloatArray) -> tuple[FloatArray, Evaluation]:
    """From ``parameters``, evaluated ``here``, until next to the optimum; ``metric`` is about the inverse Hessian."""
    for _ in range(_MOST_STEPS):
        slope = search.slope(here)
        step = -metric @ slope
        if -(slope @ step) < _NEAR**2:
            break
        there_parameters, there, moved = backtrack(search, parameters, here, search.shortened(step))
        if not moved:
            break
        metric = _update(metric, there_parameters - parameters, search.slope(there) - slope)
        parameters, here = there_parameters, there
    return parameters, here


def _update(metric: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """The BFGS update of an inverse Hessian; left as it is where the curvature along the step is not positive."""
    curvature = float(step @ change)
    if curvature <= 1e-10 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return metric
    left = np.eye(len(step)) - np.outer(step, change) / curvature
    return np.asarray(left @ metric @ left.T + np.outer(step, step) / curvature)
