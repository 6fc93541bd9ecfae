"""One model's data as arrays, its parameter vector, and where its ratings lie between thresholds.

The parameters are one vector: those of the thresholds (α, see :mod:`pluralign.stats.thresholds`), coefficients β (p),
and the free entries of Λ of every random term. With ``nominal`` columns the thresholds depend on them,
θ_i = J (α_0 + Σ_m N_im α_m); α is then the α_m one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pluralign.stats.crossed import CrossedEffects, IntArray, totals
from pluralign.stats.links import Derivatives, FloatArray, Link


class InfeasibleError(ArithmeticError):
    """Raised where the likelihood is not defined: thresholds out of order, or no mode of the random effects."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Problem:
    """``y`` in 0 … K-1, ``X`` (n, p) without an intercept, ``weights`` (n,) or None for ones, ``jacobian`` J.

    ``quadrature`` is the number of points for the integral over the random effects; 1 is Laplace's approximation.
    """

    y: IntArray
    X: FloatArray
    n_categories: int
    link: Link
    random: CrossedEffects | None
    weights: FloatArray | None
    jacobian: FloatArray
    nominal: FloatArray | None = None
    quadrature: int = 1

    @property
    def n_alpha(self) -> int:
        """Parameters of the thresholds."""
        return int(self.jacobian.shape[1]) * (1 if self.nominal is None else 1 + int(self.nominal.shape[1]))

    @property
    def n_fixed(self) -> int:
        """Parameters of the thresholds and coefficients."""
        return self.n_alpha + int(self.X.shape[1])

    @property
    def n_parameters(self) -> int:
        return self.n_fixed + (self.random.n_scales if self.random else 0)

    @property
    def n_random(self) -> int:
        return self.random.size if self.random else 0

    def alpha(self, parameters: FloatArray) -> FloatArray:
        return parameters[: self.n_alpha]

    def beta(self, parameters: FloatArray) -> FloatArray:
        return parameters[self.n_alpha : self.n_fixed]

    def roots(self, parameters: FloatArray) -> list[FloatArray]:
        """Λ of every random term."""
        return self.random.roots(parameters[self.n_fixed :]) if self.random else []


def thresholds(problem: Problem, alpha: FloatArray) -> FloatArray:
    """θ (K - 1,), or per rating (n, K - 1) where they depend on nominal columns."""
    if problem.nominal is None:
        return np.asarray(problem.jacobian @ alpha)
    by_column = alpha.reshape(-1, problem.jacobian.shape[1]) @ problem.jacobian.T
    return np.asarray(by_column[0] + problem.nominal @ by_column[1:])


def limits(problem: Problem, alpha: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The thresholds below and above each rating. Raises InfeasibleError where they are not increasing."""
    theta = thresholds(problem, alpha)
    if np.any(np.diff(theta) <= 0):
        raise InfeasibleError
    if problem.nominal is None:
        padded = np.concatenate([[-np.inf], theta, [np.inf]])
        return padded[problem.y], padded[problem.y + 1]
    edge = np.full((len(theta), 1), np.inf)
    padded = np.concatenate([-edge, theta, edge], axis=1)
    every = np.arange(len(theta))
    return padded[every, problem.y], padded[every, problem.y + 1]


def collect(problem: Problem, on_lower: FloatArray, on_upper: FloatArray, on_eta: FloatArray) -> FloatArray:
    """Derivatives by a rating's limits and η, summed into derivatives by α and β."""
    parts = []
    for column in _nominal_columns(problem):
        upper = on_upper if column is None else on_upper * column
        lower = on_lower if column is None else on_lower * column
        by_category = totals(problem.y, upper, problem.n_categories)[:-1]
        by_category = by_category + totals(problem.y, lower, problem.n_categories)[1:]
        parts.append(problem.jacobian.T @ by_category)
    return np.concatenate([*parts, problem.X.T @ on_eta])


def curvature(problem: Problem, d: Derivatives, X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Minus the second derivatives of Σ log p by α and by the columns of ``X`` in η, and by η of each rating.

    The first is (m, m), the second (n, m). ``d`` carries the prior weights.
    """
    joint = -d.d_upper * d.d_lower
    if problem.weights is not None:
        joint = joint / problem.weights
    columns = _nominal_columns(problem)
    plain = _eta_by_threshold(problem, d) @ problem.jacobian
    rows = [plain if column is None else plain * column[:, None] for column in columns]
    rows.append(d.weight[:, None] * X)
    by_eta = np.concatenate(rows, axis=1)
    a, m = problem.jacobian.shape[1], problem.n_alpha
    information = np.zeros((by_eta.shape[1], by_eta.shape[1]))
    for i, one in enumerate(columns):
        for j, other in enumerate(columns):
            weights = np.ones(1) if one is None else one
            weights = weights if other is None else weights * other
            inner = _between_thresholds(problem, d, joint, weights)
            information[i * a : i * a + a, j * a : j * a + a] = problem.jacobian.T @ inner @ problem.jacobian
    information[:, m:] = by_eta.T @ X
    information[m:, :m] = information[:m, m:].T
    return information, by_eta


def _nominal_columns(problem: Problem) -> list[FloatArray | None]:
    return [None, *([] if problem.nominal is None else problem.nominal.T)]


def _between_thresholds(problem: Problem, d: Derivatives, joint: FloatArray, weights: FloatArray) -> FloatArray:
    # second derivatives by the limits follow from those by η, since a shift of both limits is a shift of η
    k = problem.n_categories
    own = totals(problem.y, weights * (d.score_upper + joint), k)[:-1]
    own = own + totals(problem.y, weights * (d.score_lower + joint), k)[1:]
    neighbours = -totals(problem.y, weights * joint, k)[1:-1]
    out = np.diag(own)
    upper = np.arange(k - 2)
    out[upper, upper + 1] = out[upper + 1, upper] = neighbours
    return out


def _eta_by_threshold(problem: Problem, d: Derivatives) -> FloatArray:
    """Minus the second derivative of the log probability by η and each threshold, (n, K - 1)."""
    out = np.zeros((len(problem.y), problem.n_categories + 1))
    every = np.arange(len(problem.y))
    out[every, problem.y] = -d.score_lower
    out[every, problem.y + 1] = -d.score_upper
    return out[:, 1:-1]
