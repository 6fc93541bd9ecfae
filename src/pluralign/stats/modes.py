"""The conditional modes û of the random effects: Newton's method on the penalised log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pluralign.stats.blocks import NotPositiveDefiniteError
from pluralign.stats.factor import Factor, factorise
from pluralign.stats.links import Curve, FloatArray
from pluralign.stats.problem import InfeasibleError, Problem, limits

_DECREMENT = 1e-14  # squared Newton decrement at which the modes count as found
_MOST_STEPS = 60
_MOST_HALVINGS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """The random effects ``u`` for one parameter vector, with what was computed at them; ``penalised`` is h(u)."""

    u: FloatArray
    lower: FloatArray
    upper: FloatArray
    curve: Curve
    penalised: float
    factor: Factor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Fixed:
    """What does not change while u is searched for."""

    problem: Problem
    roots: list[FloatArray]
    lower: FloatArray
    upper: FloatArray


def at(problem: Problem, parameters: FloatArray, u: FloatArray) -> Mode:
    """h and its factorised Hessian at a given ``u``. Raises InfeasibleError where there is none."""
    fixed = _prepare(problem, parameters)
    mode = _look(fixed, u)
    if problem.random is None:
        return mode
    factor, exact = _factorise(fixed, mode)
    if not exact:
        raise InfeasibleError
    return replace(mode, factor=factor)


def find(problem: Problem, parameters: FloatArray, u: FloatArray) -> Mode:
    """Newton's method with step halving for û, from ``u``. Raises InfeasibleError where it fails."""
    fixed = _prepare(problem, parameters)
    mode = _look(fixed, u)
    if problem.random is None:
        return mode
    for _ in range(_MOST_STEPS):
        factor, exact = _factorise(fixed, mode)
        slope = mode.u - problem.random.gather(mode.curve.score, fixed.roots)
        step = factor.solve(slope)
        if float(slope @ step) < _DECREMENT:
            if not exact:
                raise InfeasibleError
            return replace(mode, factor=factor)
        mode = _descend(fixed, mode, step)
    raise InfeasibleError


def _prepare(problem: Problem, parameters: FloatArray) -> _Fixed:
    if not np.all(np.isfinite(parameters)):
        raise InfeasibleError
    below, above = limits(problem, problem.alpha(parameters))
    eta = problem.X @ problem.beta(parameters)
    return _Fixed(problem, problem.roots(parameters), below - eta, above - eta)


def _look(fixed: _Fixed, u: FloatArray) -> Mode:
    problem, lower, upper = fixed.problem, fixed.lower, fixed.upper
    if problem.random is not None:
        shift = problem.random.spread(u, fixed.roots)
        lower, upper = lower - shift, upper - shift
    curve = problem.link.curve(lower, upper)
    if problem.weights is not None:
        curve = Curve(*(problem.weights * value for value in curve))
    return Mode(u, lower, upper, curve, float(0.5 * (u @ u) - curve.log_p.sum()))


def _factorise(fixed: _Fixed, mode: Mode) -> tuple[Factor, bool]:
    """H factorised; where it is not positive definite, with negative weights left out (and False)."""
    assert fixed.problem.random is not None
    try:
        return factorise(fixed.problem.random, mode.curve.weight, fixed.roots), True
    except NotPositiveDefiniteError:
        pass
    try:
        return factorise(fixed.problem.random, np.maximum(mode.curve.weight, 0.0), fixed.roots), False
    except NotPositiveDefiniteError as error:
        raise InfeasibleError from error


def _descend(fixed: _Fixed, mode: Mode, step: FloatArray) -> Mode:
    # Near the optimum the change drowns in rounding: allow for it, or a converged search would halve for ever.
    slack = 1e-12 * (1 + abs(mode.penalised))
    for _ in range(_MOST_HALVINGS):
        trial = _look(fixed, mode.u - step)
        if trial.penalised <= mode.penalised + slack:
            return trial
        step = step / 2
    raise InfeasibleError
