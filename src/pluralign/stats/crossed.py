"""Random intercepts of several crossed or nested grouping factors, and the linear algebra that their structure allows.

The random effects are u ~ N(0, I), one per level of each factor; rating i has the row z_i of Z with the entry sd_g at
its level of each factor g. With weights W ≥ 0 the Hessian of the penalised log-likelihood is

    H = Z'WZ + I = [ D  B ]      D diagonal (the factor with most levels),
                   [ B' C ]      C the remaining factors,

because every rating belongs to one level of a factor. D is eliminated level by level; what remains is the dense Schur
complement S = C - B'D⁻¹B, of the size of the remaining factors together. B is kept dense where it is well filled and
sparse otherwise. Cost per factorisation: ratings, plus the cube of the number of remaining levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from pluralign.errors import DataError
from pluralign.stats.links import FloatArray

IntArray: TypeAlias = NDArray[np.intp]

MOST_DENSE_LEVELS = 12_000
"""Levels outside the largest factor that are solved densely; their square of doubles must fit in memory."""

_DENSE_FILL = 0.125  # B is stored dense from this share of non-zero entries
_CHUNK_ENTRIES = 4_000_000  # dense entries of the inverse that are held at a time


def totals(codes: IntArray, values: FloatArray, n_levels: int) -> FloatArray:
    """The sum of ``values`` over the entries of each code 0 … n_levels - 1."""
    return np.bincount(codes, values, n_levels).astype(np.float64, copy=False)


class NotPositiveDefiniteError(ArithmeticError):
    """Raised when H is not positive definite, which only a link that is not log-concave can cause."""


class _Pattern:
    """Cells (row, column) that ratings fall into, and sums over the ratings of each cell."""

    def __init__(self, rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> None:
        cells, inverse = np.unique(rows * np.intp(shape[1]) + columns, return_inverse=True)
        self.shape = shape
        self.inverse: IntArray = inverse.astype(np.intp, copy=False)
        self.rows, self.columns = np.divmod(cells, shape[1])
        self.indptr = np.searchsorted(self.rows, np.arange(shape[0] + 1))

    def sums(self, values: FloatArray) -> FloatArray:
        return totals(self.inverse, values, len(self.rows))


class CrossedIntercepts:
    """The levels of each grouping factor per rating, arranged for elimination of the largest factor.

    ``codes[g]`` holds the level (0 … levels[g] - 1) of factor g for each rating; the factors may come in any order.
    Vectors of random effects are concatenated in the order given. Raises DataError where the factors other than the
    largest have more levels together than can be solved densely.
    """

    def __init__(self, codes: Sequence[IntArray], levels: Sequence[int]) -> None:
        self.codes = tuple(codes)
        self.levels = tuple(levels)
        self.offsets = np.concatenate([[0], np.cumsum(levels)])
        self.size = int(self.offsets[-1])
        self.first = int(np.argmax(levels))
        self.rest = tuple(g for g in range(len(levels)) if g != self.first)
        self.rest_offsets = np.concatenate([[0], np.cumsum([levels[g] for g in self.rest])]).astype(np.intp)
        self.rest_size = int(self.rest_offsets[-1])
        if self.rest_size > MOST_DENSE_LEVELS:
            raise DataError(
                f"The grouping factors besides the largest have {self.rest_size:,} levels together; at most "
                f"{MOST_DENSE_LEVELS:,} can be solved. Drop or merge one of the random terms."
            )
        self._arrange_patterns()

    def _arrange_patterns(self) -> None:
        n_first = self.levels[self.first]
        columns = [self.rest_offsets[i] + self.codes[g] for i, g in enumerate(self.rest)]
        rows = np.tile(self.codes[self.first], len(self.rest))
        flat = np.concatenate(columns) if columns else np.empty(0, dtype=np.intp)
        self.border = _Pattern(rows, flat, (n_first, max(self.rest_size, 1)))
        self.border_column_factor = np.searchsorted(self.rest_offsets, self.border.columns, side="right") - 1
        self.dense_border = len(self.border.rows) >= _DENSE_FILL * n_first * self.rest_size
        self.rest_pairs = {
            (i, j): _Pattern(columns[i], columns[j], (self.rest_size, self.rest_size))
            for i in range(len(self.rest))
            for j in range(i)
        }

    def segment(self, g: int) -> slice:
        """Where factor g's random effects lie in a vector of all of them."""
        return slice(int(self.offsets[g]), int(self.offsets[g + 1]))

    def split(self, u: FloatArray) -> tuple[FloatArray, ...]:
        """The random effects of each factor."""
        return tuple(u[self.segment(g)] for g in range(len(self.levels)))

    def spread(self, u: FloatArray, sd: FloatArray) -> FloatArray:
        """Z u: what the random effects add to η of each rating."""
        total = np.zeros(len(self.codes[0]))
        for g in range(len(self.levels)):
            total += (sd[g] * u[self.segment(g)])[self.codes[g]]
        return total

    def gather(self, values: FloatArray, sd: FloatArray) -> FloatArray:
        """Z'x for one value, or one row of values, per rating."""
        return np.concatenate([sd[g] * self.level_sums(g, values) for g in range(len(self.levels))])

    def level_sums(self, g: int, values: FloatArray) -> FloatArray:
        """Sums of ``values`` (one or one row per rating) over the ratings of each level of factor g."""
        if values.ndim == 1:
            return totals(self.codes[g], values, self.levels[g])
        columns = [totals(self.codes[g], column, self.levels[g]) for column in values.T]
        return np.stack(columns, axis=1)

    def factorise(self, weights: FloatArray, sd: FloatArray) -> Factor:
        """H for these weights, factorised. Raises NotPositiveDefiniteError."""
        diagonal = 1.0 + sd[self.first] ** 2 * np.bincount(self.codes[self.first], weights, self.levels[self.first])
        if not diagonal.min() > 0:
            raise NotPositiveDefiniteError
        if not self.rest:
            return Factor(self, sd, diagonal, None, np.empty((0, 0)))
        border = self._border(weights, sd)
        schur = self._corner(weights, sd) - _weighted_square(border, 1 / diagonal)
        try:
            root = linalg.cholesky(schur, lower=True, overwrite_a=True, check_finite=False)
        except (linalg.LinAlgError, ValueError) as error:
            raise NotPositiveDefiniteError from error
        return Factor(self, sd, diagonal, border, root)

    def _border(self, weights: FloatArray, sd: FloatArray) -> FloatArray | sparse.csr_array:
        tiled = weights if len(self.rest) == 1 else np.tile(weights, len(self.rest))
        rest_sd = sd[list(self.rest)]
        data = sd[self.first] * rest_sd[self.border_column_factor] * self.border.sums(tiled)
        if not self.dense_border:
            return sparse.csr_array((data, self.border.columns, self.border.indptr), shape=self.border.shape)
        dense = np.zeros(self.border.shape)
        dense[self.border.rows, self.border.columns] = data
        return dense

    def _corner(self, weights: FloatArray, sd: FloatArray) -> FloatArray:
        corner = np.zeros((self.rest_size, self.rest_size))
        for i, g in enumerate(self.rest):
            own = np.arange(self.rest_offsets[i], self.rest_offsets[i + 1])
            corner[own, own] = 1.0 + sd[g] ** 2 * np.bincount(self.codes[g], weights, self.levels[g])
        for (i, j), pattern in self.rest_pairs.items():
            values = sd[self.rest[i]] * sd[self.rest[j]] * pattern.sums(weights)
            corner[pattern.rows, pattern.columns] = values
            corner[pattern.columns, pattern.rows] = values
        return corner


def _weighted_square(matrix: FloatArray | sparse.csr_array, scale: FloatArray) -> FloatArray:
    """matrix' diag(scale) matrix, dense."""
    if isinstance(matrix, np.ndarray):
        return np.asarray(matrix.T @ (matrix * scale[:, None]))
    data = matrix.data * np.repeat(scale, np.diff(matrix.indptr))
    scaled = sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray((matrix.T @ scaled).toarray())


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A factorised H: its log determinant, solutions, and the entries of its inverse that ratings touch."""

    design: CrossedIntercepts
    sd: FloatArray
    diagonal: FloatArray
    border: FloatArray | sparse.csr_array | None
    root: FloatArray

    @property
    def log_determinant(self) -> float:
        return float(np.log(self.diagonal).sum() + 2 * np.log(np.diagonal(self.root)).sum())

    def solve(self, right: FloatArray) -> FloatArray:
        """H⁻¹ right, for a vector or for the columns of a matrix."""
        design = self.design
        first = design.segment(design.first)
        diagonal = self.diagonal if right.ndim == 1 else self.diagonal[:, None]
        out = np.empty_like(right)
        out[first] = right[first] / diagonal
        if self.border is None:
            return out
        rest = np.concatenate([right[design.segment(g)] for g in design.rest])
        rest = linalg.cho_solve((self.root, True), rest - self.border.T @ out[first], check_finite=False)
        for i, g in enumerate(design.rest):
            out[design.segment(g)] = rest[design.rest_offsets[i] : design.rest_offsets[i + 1]]
        out[first] -= (self.border @ rest) / diagonal
        return out

    def inverse_rows(self) -> tuple[list[FloatArray], FloatArray]:
        """Per rating and factor g: z_i'H⁻¹ e_g, where e_g is the unit vector of the rating's level of g.

        Also returns the diagonal of H⁻¹ (the conditional variances of u).
        """
        design, sd = self.design, self.sd
        codes, first = design.codes, design.first
        if self.border is None:
            return [(sd[first] / self.diagonal)[codes[first]]], 1 / self.diagonal
        corner = linalg.cho_solve((self.root, True), np.eye(design.rest_size), check_finite=False)
        cells, first_diagonal = self._inverse_border(corner)
        rows = [np.zeros(len(codes[0])) for _ in codes]
        rows[first] += sd[first] * first_diagonal[codes[first]]
        n = len(codes[0])
        for i, g in enumerate(design.rest):
            cross = cells[design.border.inverse[i * n : (i + 1) * n]]
            rows[first] += sd[g] * cross
            rows[g] += sd[first] * cross
            own = np.diagonal(corner)[design.rest_offsets[i] : design.rest_offsets[i + 1]]
            rows[g] += sd[g] * own[codes[g]]
        for (i, j), pattern in design.rest_pairs.items():
            g, h = design.rest[i], design.rest[j]
            cross = corner[pattern.rows, pattern.columns][pattern.inverse]
            rows[g] += sd[h] * cross
            rows[h] += sd[g] * cross
        variances = np.empty(design.size)
        variances[design.segment(first)] = first_diagonal
        for i, g in enumerate(design.rest):
            variances[design.segment(g)] = np.diagonal(corner)[design.rest_offsets[i] : design.rest_offsets[i + 1]]
        return rows, variances

    def _inverse_border(self, corner: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H⁻¹ at the border's cells, and its diagonal for the eliminated factor, some rows at a time."""
        assert self.border is not None
        pattern = self.design.border
        cells = np.empty(len(pattern.rows))
        diagonal = 1 / self.diagonal
        step = max(_CHUNK_ENTRIES // self.design.rest_size, 1)
        for start in range(0, len(diagonal), step):
            stop = min(start + step, len(diagonal))
            entries = slice(pattern.indptr[start], pattern.indptr[stop])
            local, columns = pattern.rows[entries] - start, pattern.columns[entries]
            block = (self.border[start:stop] @ corner)[local, columns] / self.diagonal[pattern.rows[entries]]
            cells[entries] = -block
            values = self._border_values(entries, start, stop, local, columns)
            diagonal[start:stop] += np.bincount(local, block * values, stop - start) / self.diagonal[start:stop]
        return cells, diagonal

    def _border_values(self, entries: slice, start: int, stop: int, local: IntArray, columns: IntArray) -> FloatArray:
        if isinstance(self.border, np.ndarray):
            return np.asarray(self.border[start:stop][local, columns])
        assert self.border is not None
        return np.asarray(self.border.data[entries])
