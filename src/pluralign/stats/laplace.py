"""The joint Laplace approximation of a cumulative link mixed model: arrays in, value and exact gradient out.

With the standardised random effects u, the penalised objective and the approximation of the negative log-likelihood are

    h(u) = -Σ w_i log P(y_i | η_i) + u'u / 2,     η = Xβ + Zu,     P(y ≤ k) = F(θ_k - η)
    L    = h(û) + log det H(û) / 2,               û = argmin h,    H = h''(û) = Z'WZ + I.

The gradient of L follows û through the implicit function theorem. With a_i = z_i'H⁻¹z_i, c_i = a_i W'_i / 2 and
v = H⁻¹Z'c it needs no derivative of û itself: every parameter enters a rating through its two limits, η and z_i, so one
pass over the ratings gives all of them. Source of the approximation: Christensen, "Cumulative Link Models for Ordinal
Regression with the R Package ordinal" (2018); of the adjoint form: Kristensen et al., "TMB" (2016).

For one grouping factor the integral can be had more exactly by adaptive quadrature, of which this is the case of one
point (:mod:`pluralign.stats.quadrature`); both share the adjoint part of the gradient.

L is even in every column of Λ, so its entries are left free in sign: an estimate of zero is then an ordinary stationary
point instead of a boundary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pluralign.stats import modes, quadrature
from pluralign.stats.crossed import CrossedEffects, times
from pluralign.stats.links import Derivatives, FloatArray
from pluralign.stats.problem import InfeasibleError, Problem, collect, curvature

__all__ = ["Evaluation", "InfeasibleError", "Local", "evaluate", "evaluate_at", "local"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """L, its gradient, and what the next evaluation nearby can start from.

    ``correction`` is the gradient less the derivative of h at û; ``blocks`` the conditional covariances of u per term.
    """

    value: float
    gradient: FloatArray
    correction: FloatArray
    mode: modes.Mode
    derivatives: Derivatives
    blocks: list[FloatArray]

    @property
    def u(self) -> FloatArray:
        return self.mode.u


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """The curvature of h over all parameters after elimination of u, and the derivative of û (size, parameters)."""

    information: FloatArray
    drift: FloatArray


def evaluate(problem: Problem, parameters: FloatArray, u: FloatArray) -> Evaluation:
    """L and its gradient, with the search for the modes started from ``u``.

    Raises InfeasibleError where the parameters have no finite objective.
    """
    return _evaluate(problem, parameters, modes.find(problem, parameters, u))


def evaluate_at(problem: Problem, parameters: FloatArray, u: FloatArray) -> Evaluation:
    """As :func:`evaluate`, with ``u`` taken for the modes; an error of ε in them changes the correction by order ε."""
    return _evaluate(problem, parameters, modes.at(problem, parameters, u))


def _evaluate(problem: Problem, parameters: FloatArray, mode: modes.Mode) -> Evaluation:
    d = problem.link.derivatives(mode.lower, mode.upper)
    if problem.weights is not None:
        d = Derivatives(*(problem.weights * value for value in d))
    plain = collect(problem, -d.d_lower, -d.d_upper, -d.score)
    if problem.random is None or mode.factor is None:
        return Evaluation(mode.penalised, plain, np.zeros_like(plain), mode, d, [])
    random, roots = problem.random, problem.roots(parameters)
    gradient = np.concatenate([plain, _by_scales(random, random.split(mode.u), -d.score)])
    touched = mode.factor.touched()
    if problem.quadrature == 1:
        value = mode.penalised + 0.5 * mode.factor.log_determinant
        correction = _follow(problem, roots, mode, d, touched.leverage, touched.rows, None)
    else:
        integral = quadrature.integrate(problem, roots[0], mode, touched.blocks[0])
        value = integral.value
        scale = integral.per_leverage
        rows = [[scale * row for row in touched.rows[0]]]
        correction = _follow(problem, roots, mode, d, scale * touched.leverage, rows, integral.on_mode)
        correction += integral.gradient - gradient
    return Evaluation(value, gradient + correction, correction, mode, d, touched.blocks)


def _follow(
    problem: Problem,
    roots: list[FloatArray],
    mode: modes.Mode,
    d: Derivatives,
    leverage: FloatArray,
    rows: list[list[FloatArray]],
    on_mode: FloatArray | None,
) -> FloatArray:
    """The gradient of what depends on H and û beyond h: ½ Σ leverage · dW + Σ rows · W dz + on_mode · dû.

    ``on_mode`` (size,) is what else depends on û, None for nothing.
    """
    random = problem.random
    assert random is not None
    assert mode.factor is not None
    half = 0.5 * leverage
    bend = -half * (d.weight_upper + d.weight_lower)
    pull = random.gather(bend, roots)
    v = mode.factor.solve(pull if on_mode is None else pull + on_mode)
    tilt = random.spread(v, roots)
    on_lower = half * d.weight_lower + tilt * d.score_lower
    on_upper = half * d.weight_upper + tilt * d.score_upper
    on_eta = bend - d.weight * tilt
    on_scales = _by_scales(random, random.split(mode.u), on_eta)
    on_scales += _by_scales(random, random.split(v), d.score)
    start = 0
    for term, row in zip(random.terms, rows, strict=True):
        for a, b in term.free:
            on_scales[start] += float(times(d.weight, term.columns[a]) @ row[b])
            start += 1
    return np.concatenate([collect(problem, on_lower, on_upper, on_eta), on_scales])


def _by_scales(random: CrossedEffects, effects: list[FloatArray], on_eta: FloatArray) -> FloatArray:
    """Derivatives by the free entries of Λ, where entry (a, b) multiplies column a and effect b in η."""
    out = []
    for t, term in enumerate(random.terms):
        sums = {a: random.level_sums(t, times(on_eta, term.columns[a])) for a in {a for a, _ in term.free}}
        out += [float(sums[a] @ effects[t][:, b]) for a, b in term.free]
    return np.array(out)


def local(problem: Problem, parameters: FloatArray, here: Evaluation) -> Local:
    """The curvature of h and the derivative of û where ``here`` was evaluated."""
    if problem.random is None or here.mode.factor is None:
        return Local(curvature(problem, here.derivatives, problem.X)[0], np.empty((0, problem.n_parameters)))
    random, roots = problem.random, problem.roots(parameters)
    effects = random.split(here.u)
    by_scale = [
        times(effects[t][:, b][term.codes], term.columns[a])
        for t, term in enumerate(random.terms)
        for a, b in term.free
    ]
    X = np.concatenate([problem.X, np.stack(by_scale, axis=1)], axis=1)
    information, by_eta = curvature(problem, here.derivatives, X)
    cross = random.gather(by_eta, roots)
    at = problem.n_fixed
    for t, term in enumerate(random.terms):
        own = cross[random.segment(t)].reshape(term.n_levels, term.n_effects, -1)
        for a, b in term.free:  # Λ also stands in Z
            own[:, b, at] -= random.level_sums(t, times(here.derivatives.score, term.columns[a]))
            at += 1
    drift = -here.mode.factor.solve(cross)
    return Local(information + cross.T @ drift, drift)
