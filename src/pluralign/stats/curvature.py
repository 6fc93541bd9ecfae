"""The curvature of the negative log-likelihood: the Hessian, and about what the standard errors will be.

The Hessian is the curvature of h after elimination of the random effects, which is exact, plus the derivative of the
rest of the gradient by finite differences. That rest is small, and at a point next to the optimum it needs no new
search for the modes, which move along their known derivative.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from pluralign.stats.laplace import Evaluation, Local, evaluate_at, local
from pluralign.stats.links import FloatArray
from pluralign.stats.problem import InfeasibleError, Problem

_DIFFERENCE = 1e-4  # step of the finite differences, in standard errors
_LEAST_SD = 1e-3


def hessian_at(problem: Problem, parameters: FloatArray, here: Evaluation) -> FloatArray:
    """The Hessian of L: the curvature of h, exact, and the rest of the gradient differenced along the moving modes."""
    found = local(problem, parameters, here)
    if problem.random is None:
        return found.information
    columns = []
    for j, width in enumerate(_widths(problem, parameters, here, found)):
        trial = parameters.copy()
        trial[j] += width
        there = evaluate_at(problem, trial, here.u + width * found.drift[:, j])
        columns.append((there.correction - here.correction) / width)
    rest = np.stack(columns)
    return np.asarray(found.information + (rest + rest.T) / 2)


def _widths(problem: Problem, parameters: FloatArray, here: Evaluation, found: Local) -> FloatArray:
    """Steps for the differences: a fraction of each standard error, and of the gap to the next threshold."""
    m = problem.n_fixed
    spread = np.sqrt(np.abs(np.diagonal(solve(found.information[:m, :m], np.eye(m)))))
    widths = np.minimum(_DIFFERENCE * spread, 1e-2)
    return np.concatenate([widths, _DIFFERENCE * scale_spread(problem, parameters, here)])


def scale_spread(problem: Problem, parameters: FloatArray, here: Evaluation) -> FloatArray:
    """About the standard errors of the entries of Λ: what as many normal observations as the modes are worth give."""
    assert problem.random is not None
    out = []
    start = problem.n_fixed
    for term, block in zip(problem.random.terms, here.blocks, strict=True):
        worth = np.sqrt(2 * np.maximum(((1 - np.diagonal(block, axis1=1, axis2=2)) ** 2).sum(axis=0), 0.5))
        for a, b in term.free:
            diagonal = abs(float(parameters[start + term.free.index((a, a))]))
            out.append(max(diagonal, _LEAST_SD) / float(min(worth[a], worth[b])))
        start += len(term.free)
    return np.array(out)


def solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """matrix⁻¹ right, with a ridge that grows until the matrix is positive definite."""
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(matrix)), 1e-12))
    scaled = matrix / np.outer(scale, scale)
    shape = (-1,) + (1,) * (right.ndim - 1)
    ridge = 0.0
    while ridge < 1e6:
        try:
            root = linalg.cho_factor(scaled + ridge * np.eye(len(scaled)))
            solution = linalg.cho_solve(root, right / scale.reshape(shape))
            return np.asarray(solution / scale.reshape(shape))
        except (linalg.LinAlgError, ValueError):
            ridge = max(10 * ridge, 1e-8)
    raise InfeasibleError
