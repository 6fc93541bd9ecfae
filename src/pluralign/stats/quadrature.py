"""Adaptive Gauss–Hermite quadrature over the random intercept (or slope) of one grouping factor.

Each level's integral is taken at û + σ x_k, with σ² the conditional variance and x_k, ω_k the points and weights for a
standard normal variable:

    -log I = -log σ - log Σ_k ω_k exp(x_k² / 2 - h(û + σ x_k)),

which for one point is Laplace's approximation. Points move with û and σ, and the gradient follows them: what depends on
them is handed back as factors for the adjoint pass that the Laplace approximation uses too.
Source: Liu and Pierce, "A Note on Gauss–Hermite Quadrature" (1994).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from pluralign.stats.crossed import times
from pluralign.stats.links import FloatArray
from pluralign.stats.modes import Mode
from pluralign.stats.problem import Problem, collect


@dataclass(frozen=True, slots=True, eq=False)
class Integral:
    """``value`` is the negative log-likelihood; ``gradient`` its derivative with all points held.

    ``per_leverage`` (n,) is what replaces 1 in front of the leverage, ``on_mode`` (levels,) the derivative by û.
    """

    value: float
    gradient: FloatArray
    per_leverage: FloatArray
    on_mode: FloatArray


def points(number: int) -> tuple[FloatArray, FloatArray]:
    """Points and weights for the mean over a standard normal variable."""
    x, weights = special.roots_hermitenorm(number)
    return np.asarray(x), np.asarray(weights / weights.sum())


def integrate(problem: Problem, root: FloatArray, mode: Mode, block: FloatArray) -> Integral:
    """The likelihood and what its gradient needs; ``block`` (levels, 1, 1) holds the conditional variances of u."""
    random = problem.random
    assert random is not None
    term, scale = random.terms[0], float(root[0, 0])
    sd = np.sqrt(block[:, 0, 0])
    x, weights = points(problem.quadrature)
    penalised = np.empty((len(x), term.n_levels))
    slopes = np.empty_like(penalised)
    pieces = []
    for k, point in enumerate(x):
        u = mode.u + sd * point
        shift = times((scale * sd * point)[term.codes], term.columns[0])
        d = problem.link.slopes(mode.lower - shift, mode.upper - shift)
        if problem.weights is not None:
            d = type(d)(*(problem.weights * value for value in d))
        penalised[k] = 0.5 * u * u - random.level_sums(0, d.log_p)
        score = random.level_sums(0, times(d.score, term.columns[0]))
        slopes[k] = u - scale * score
        pieces.append((d, u, score))
    exponents = (np.log(weights) + 0.5 * x * x)[:, None] - penalised
    total = special.logsumexp(exponents, axis=0)
    share = np.exp(exponents - total)
    on_lower, on_upper, on_eta = (np.zeros(len(problem.y)) for _ in range(3))
    on_scale = 0.0
    for (d, u, score), part in zip(pieces, share, strict=True):
        each = part[term.codes]
        on_lower -= each * d.d_lower
        on_upper -= each * d.d_upper
        on_eta -= each * d.score
        on_scale -= float(part @ (u * score))
    by_sd = (share * slopes * x[:, None]).sum(axis=0)
    return Integral(
        value=float(-np.log(sd).sum() - total.sum()),
        gradient=np.concatenate([collect(problem, on_lower, on_upper, on_eta), [on_scale]]),
        per_leverage=(1 - sd * by_sd)[term.codes],
        on_mode=(share * slopes).sum(axis=0),
    )
