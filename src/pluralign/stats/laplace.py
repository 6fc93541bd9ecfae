"""The joint Laplace approximation of a cumulative link mixed model: arrays in, value and exact gradient out.

With the standardised random effects u, the penalised objective and the approximation of the negative log-likelihood are

    h(u) = -Σ w_i log P(y_i | η_i) + u'u / 2,     η = Xβ + Zu,     P(y ≤ k) = F(θ_k - η)
    L    = h(û) + log det H(û) / 2,               û = argmin h,    H = h''(û) = Z'WZ + I.

The gradient of L follows û through the implicit function theorem. With a_i = z_i'H⁻¹z_i, c_i = a_i W'_i / 2 and
v = H⁻¹Z'c it needs no derivative of û itself: every parameter enters a rating through its two limits and η, so one pass
over the ratings gives all of them (see ``_gradient``). Source of the approximation: Christensen, "Cumulative Link
Models for Ordinal Regression with the R Package ordinal" (2018); of the adjoint form: Kristensen et al., "TMB" (2016).

The parameters are one vector: thresholds (K - 1), coefficients (p), standard deviations of the random intercepts (G).
L is even in every standard deviation, so they are left free in sign: an estimate of zero is then an ordinary stationary
point instead of a boundary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pluralign.stats.crossed import CrossedIntercepts, Factor, IntArray, NotPositiveDefiniteError
from pluralign.stats.links import Curve, Derivatives, FloatArray, Link

_MODE_DECREMENT = 1e-14  # squared Newton decrement at which the conditional modes count as found
_MOST_NEWTON_STEPS = 60
_MOST_HALVINGS = 30


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Problem:
    """One model's data: ``y`` in 0 … K-1, ``X`` (n, p) without an intercept, ``weights`` (n,) or None for ones."""

    y: IntArray
    X: FloatArray
    n_categories: int
    link: Link
    random: CrossedIntercepts | None
    weights: FloatArray | None

    @property
    def n_thresholds(self) -> int:
        return self.n_categories - 1

    @property
    def n_fixed(self) -> int:
        """Thresholds and coefficients."""
        return self.n_thresholds + int(self.X.shape[1])

    @property
    def n_parameters(self) -> int:
        return self.n_fixed + (len(self.random.levels) if self.random else 0)

    @property
    def n_random(self) -> int:
        return self.random.size if self.random else 0


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """The conditional modes û for one parameter vector, with what was computed to find them."""

    u: FloatArray
    eta: FloatArray
    lower: FloatArray
    upper: FloatArray
    curve: Curve
    factor: Factor | None
    penalised: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """L, its gradient, and what the next evaluation nearby can start from.

    ``information`` (over thresholds and coefficients) is the curvature of h after elimination of u, and ``drift`` (q,
    n_parameters) the derivative of û: both are None unless asked for. ``variances`` are the conditional variances of u.
    """

    value: float
    gradient: FloatArray
    u: FloatArray
    variances: FloatArray
    information: FloatArray | None = None
    drift: FloatArray | None = None


class InfeasibleError(ArithmeticError):
    """Raised where L is not defined: thresholds out of order, or H not positive definite at the mode."""


def evaluate(problem: Problem, parameters: FloatArray, u: FloatArray, *, local: bool = False) -> Evaluation:
    """L and its gradient, with the search for the modes started from ``u``; ``local`` adds information and drift.

    Raises InfeasibleError where the parameters have no finite objective.
    """
    if not np.all(np.isfinite(parameters)) or np.any(np.diff(parameters[: problem.n_thresholds]) <= 0):
        raise InfeasibleError
    mode = find_mode(problem, parameters, u)
    derivatives = problem.link.derivatives(mode.lower, mode.upper)
    if problem.weights is not None:
        derivatives = Derivatives(*(problem.weights * value for value in derivatives))
    gradient, variances = _gradient(problem, parameters, mode, derivatives)
    value = mode.penalised + (0.5 * mode.factor.log_determinant if mode.factor else 0.0)
    information, drift = _local(problem, parameters, mode, derivatives) if local else (None, None)
    return Evaluation(value, gradient, mode.u, variances, information, drift)


def limits(problem: Problem, thresholds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The thresholds below and above each rating."""
    padded = np.concatenate([[-np.inf], thresholds, [np.inf]])
    return padded[problem.y], padded[problem.y + 1]


def find_mode(problem: Problem, parameters: FloatArray, u: FloatArray) -> Mode:
    """Newton's method with step halving for û. Raises InfeasibleError where it fails."""
    sd = parameters[problem.n_fixed :]
    below, above = limits(problem, parameters[: problem.n_thresholds])
    fixed = problem.X @ parameters[problem.n_thresholds : problem.n_fixed]
    mode = _look(problem, sd, below, above, fixed, u)
    for _ in range(_MOST_NEWTON_STEPS):
        if problem.random is None:
            return mode
        factor, exact = _factorise(problem, mode.curve, sd)
        slope = mode.u - problem.random.gather(mode.curve.score, sd)
        step = factor.solve(slope)
        decrement = float(slope @ step)
        if decrement < _MODE_DECREMENT:
            if not exact:
                raise InfeasibleError
            return Mode(mode.u, mode.eta, mode.lower, mode.upper, mode.curve, factor, mode.penalised)
        mode = _descend(problem, sd, below, above, fixed, mode, step)
    raise InfeasibleError


def _look(
    problem: Problem, sd: FloatArray, below: FloatArray, above: FloatArray, fixed: FloatArray, u: FloatArray
) -> Mode:
    eta = fixed if problem.random is None else fixed + problem.random.spread(u, sd)
    lower, upper = below - eta, above - eta
    curve = problem.link.curve(lower, upper)
    if problem.weights is not None:
        curve = Curve(*(problem.weights * value for value in curve))
    return Mode(u, eta, lower, upper, curve, None, float(0.5 * (u @ u) - curve.log_p.sum()))


def _factorise(problem: Problem, curve: Curve, sd: FloatArray) -> tuple[Factor, bool]:
    """H factorised; where it is not positive definite, with negative weights left out (and False)."""
    assert problem.random is not None
    try:
        return problem.random.factorise(curve.weight, sd), True
    except NotPositiveDefiniteError:
        pass
    try:
        return problem.random.factorise(np.maximum(curve.weight, 0.0), sd), False
    except NotPositiveDefiniteError as error:
        raise InfeasibleError from error


def _descend(
    problem: Problem,
    sd: FloatArray,
    below: FloatArray,
    above: FloatArray,
    fixed: FloatArray,
    mode: Mode,
    step: FloatArray,
) -> Mode:
    # Near the optimum the change drowns in rounding: allow for it, or a converged search would halve for ever.
    slack = 1e-12 * (1 + abs(mode.penalised))
    for _ in range(_MOST_HALVINGS):
        trial = _look(problem, sd, below, above, fixed, mode.u - step)
        if trial.penalised <= mode.penalised + slack:
            return trial
        step = step / 2
    raise InfeasibleError


def _gradient(problem: Problem, parameters: FloatArray, mode: Mode, d: Derivatives) -> tuple[FloatArray, FloatArray]:
    """The gradient of L, and the conditional variances of u. ``d`` carries the prior weights."""
    if problem.random is None or mode.factor is None:
        return _collect(problem, -d.d_lower, -d.d_upper, -d.score), np.empty(0)
    random, sd = problem.random, parameters[problem.n_fixed :]
    inverse, variances = mode.factor.inverse_rows()
    leverage = sum(sd[g] * inverse[g] for g in range(len(sd)))
    half = 0.5 * leverage
    bend = -half * (d.weight_upper + d.weight_lower)
    v = mode.factor.solve(random.gather(bend, sd))
    tilt = random.spread(v, sd)
    on_lower = -d.d_lower + half * d.weight_lower + tilt * d.score_lower
    on_upper = -d.d_upper + half * d.weight_upper + tilt * d.score_upper
    on_eta = -d.score + bend - d.weight * tilt
    on_sd = [
        float(u_g @ random.level_sums(g, on_eta) + v_g @ random.level_sums(g, d.score) + d.weight @ inverse[g])
        for g, (u_g, v_g) in enumerate(zip(random.split(mode.u), random.split(v), strict=True))
    ]
    return np.concatenate([_collect(problem, on_lower, on_upper, on_eta), on_sd]), variances


def _collect(problem: Problem, on_lower: FloatArray, on_upper: FloatArray, on_eta: FloatArray) -> FloatArray:
    """Derivatives by a rating's limits and η, summed into derivatives by thresholds and coefficients."""
    k = problem.n_categories
    by_category = np.bincount(problem.y, on_upper, k)[:-1] + np.bincount(problem.y, on_lower, k)[1:]
    return np.concatenate([by_category, problem.X.T @ on_eta])


def _local(problem: Problem, parameters: FloatArray, mode: Mode, d: Derivatives) -> tuple[FloatArray, FloatArray]:
    """The curvature of h over thresholds and coefficients with u eliminated, and the derivative of û."""
    joint = -d.d_upper * d.d_lower if problem.weights is None else -d.d_upper * d.d_lower / problem.weights
    rows = np.concatenate([_eta_by_threshold(problem, d), d.weight[:, None] * problem.X], axis=1)
    k, p = problem.n_thresholds, problem.X.shape[1]
    information = np.zeros((k + p, k + p))
    categories = problem.n_categories
    # second derivatives by the limits follow from those by η, since a shift of both limits is a shift of η
    own = np.bincount(problem.y, d.score_upper + joint, categories)[:-1]
    own += np.bincount(problem.y, d.score_lower + joint, categories)[1:]
    information[:k, :k] = np.diag(own)
    neighbours = -np.bincount(problem.y, joint, categories)[1:-1]
    upper = np.arange(k - 1)
    information[upper, upper + 1] = information[upper + 1, upper] = neighbours
    information[:, k:] = rows.T @ problem.X
    information[k:, :k] = information[:k, k:].T
    if problem.random is None or mode.factor is None:
        return information, np.empty((0, k + p))
    random, sd = problem.random, parameters[problem.n_fixed :]
    cross = random.gather(rows, sd)
    drift_fixed = -mode.factor.solve(cross)
    information += cross.T @ drift_fixed
    drift_sd = np.zeros((random.size, len(sd)))
    for g, u_g in enumerate(random.split(mode.u)):
        right = random.gather(d.weight * u_g[random.codes[g]], sd)
        right[random.segment(g)] -= random.level_sums(g, d.score)
        drift_sd[:, g] = -mode.factor.solve(right)
    return information, np.concatenate([drift_fixed, drift_sd], axis=1)


def _eta_by_threshold(problem: Problem, d: Derivatives) -> FloatArray:
    """Minus the second derivative of the log probability by η and each threshold, (n, K - 1)."""
    out = np.zeros((len(problem.y), problem.n_categories + 1))
    every = np.arange(len(problem.y))
    out[every, problem.y] = -d.score_lower
    out[every, problem.y + 1] = -d.score_upper
    return out[:, 1:-1]
