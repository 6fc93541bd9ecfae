"""Random effects of several crossed or nested grouping factors, and the linear algebra that their structure allows.

A term has r effects (an intercept, slopes) per level of its factor: b = Λ u with u ~ N(0, I) and Λ (r, r) lower
triangular, so that ΛΛ' is their covariance. With weights W the Hessian of the penalised log-likelihood is

    H = Z'WZ + I = [ D  B ]      D block diagonal (the factor with most levels),
                   [ B' C ]      C the remaining factors,

because every rating belongs to one level of a factor. D is eliminated block by block; what remains is the Schur
complement S = C - B'D⁻¹B, of the size of the remaining factors together. B is kept as its non-zero entries; S comes
from the pairs of entries that share a level, or from dense pieces of B where it is well filled. S is dense, or falls
into independent blocks where factors are nested (:mod:`pluralign.stats.blocks`).

Ratings must come sorted by the level of the factor with most levels (:func:`largest`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pluralign.errors import DataError
from pluralign.stats.blocks import Layout
from pluralign.stats.links import FloatArray, IntArray

__all__ = ["MOST_DENSE", "Cells", "CrossedEffects", "IntArray", "RandomTerm", "largest", "times", "totals"]

MOST_DENSE = 12_000
"""Random effects outside the largest factor that are solved together; their square of doubles must fit in memory."""

_PAIR_COST = 60  # a pair of entries takes as long as so many multiplications in a dense product
_MOST_PAIRS = 40_000_000
_CHUNK_ENTRIES = 4_000_000  # dense entries of B that are held at a time


def totals(codes: IntArray, values: FloatArray, n_levels: int) -> FloatArray:
    """The sum of ``values`` over the entries of each code 0 … n_levels - 1."""
    return np.bincount(codes, values, n_levels).astype(np.float64, copy=False)


def times(values: FloatArray, column: FloatArray | None) -> FloatArray:
    """``values`` times a column of the design, where None stands for ones."""
    return values if column is None else values * column


def largest(n_levels: Sequence[int]) -> int:
    """Which factor is eliminated block by block."""
    return int(np.argmax(n_levels))


@dataclass(frozen=True, slots=True, eq=False)
class RandomTerm:
    """The random effects of one grouping factor.

    ``codes`` (n,) is the level of each rating, every one of 0 … n_levels - 1 present; ``columns`` what each effect
    multiplies in η: (n,), or None for an intercept; ``free`` the entries (row, column) of Λ that are parameters, the
    whole diagonal and any below it.
    """

    codes: IntArray
    n_levels: int
    columns: tuple[FloatArray | None, ...]
    free: tuple[tuple[int, int], ...]

    @property
    def n_effects(self) -> int:
        return len(self.columns)

    @property
    def size(self) -> int:
        return self.n_levels * self.n_effects


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The pairs of levels (row, column) of two factors with ratings in them; ``of`` (n,) is the cell of each rating."""

    rows: IntArray
    columns: IntArray
    of: IntArray

    @classmethod
    def find(cls, rows: IntArray, columns: IntArray, n_columns: int) -> Cells:
        cells, of = np.unique(rows * np.intp(n_columns) + columns, return_inverse=True)
        found_rows, found_columns = np.divmod(cells, n_columns)
        return cls(found_rows, found_columns, of.astype(np.intp, copy=False))


class CrossedEffects:
    """The random terms of a model, arranged for elimination of the largest factor.

    Vectors of random effects are concatenated in the order of ``terms``, level by level. Raises DataError where the
    factors other than the largest have more effects together than can be solved.
    """

    def __init__(self, terms: Sequence[RandomTerm]) -> None:
        self.terms = tuple(terms)
        sizes = [term.size for term in terms]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.size = int(self.offsets[-1])
        self.n_scales = sum(len(term.free) for term in terms)
        self.first = largest([term.n_levels for term in terms])
        self.rest = tuple(t for t in range(len(terms)) if t != self.first)
        self.rest_offsets = np.concatenate([[0], np.cumsum([sizes[t] for t in self.rest])]).astype(np.intp)
        self.rest_size = int(self.rest_offsets[-1])
        eliminated = self.terms[self.first]
        if np.any(np.diff(eliminated.codes) < 0):
            raise ValueError("Ratings must be sorted by the level of the factor with most levels.")
        self.starts = np.searchsorted(eliminated.codes, np.arange(eliminated.n_levels))
        self.cells = {t: Cells.find(eliminated.codes, self.terms[t].codes, self.terms[t].n_levels) for t in self.rest}
        self.rest_cells = {
            (s, t): Cells.find(self.terms[s].codes, self.terms[t].codes, self.terms[t].n_levels)
            for i, s in enumerate(self.rest)
            for t in self.rest[:i]
        }
        self.layout = Layout.dense(self.rest_size)
        self.by_pairs = False
        if self.rest:
            self._arrange_border()

    def _arrange_border(self) -> None:
        """Entries of B in the order (level, column); each is one column of B in one block of rows."""
        levels, columns = [], []
        for i, t in enumerate(self.rest):
            cells, r = self.cells[t], self.terms[t].n_effects
            levels.append(np.repeat(cells.rows, r))
            columns.append((self.rest_offsets[i] + cells.columns[:, None] * r + np.arange(r)).ravel())
        flat_levels, flat_columns = np.concatenate(levels), np.concatenate(columns)
        self.entry_order = np.lexsort((flat_columns, flat_levels))
        self.entry_level = flat_levels[self.entry_order]
        self.entry_column = flat_columns[self.entry_order]
        self.entry_splits = np.cumsum([len(part) for part in levels])[:-1]
        n_levels = self.terms[self.first].n_levels
        self.entry_bounds = np.searchsorted(self.entry_level, np.arange(n_levels + 1))
        per_level = np.diff(self.entry_bounds)
        n_pairs = int((per_level * (per_level + 1) // 2).sum())
        self.layout = self._blocks() if n_pairs < _MOST_PAIRS else Layout.dense(self.rest_size)
        if self.layout.n_stored > MOST_DENSE**2:
            raise DataError(
                f"The grouping factors besides the largest have {self.rest_size:,} random effects together; at most "
                f"{MOST_DENSE:,} can be solved unless they are nested. Drop or merge one of the random terms."
            )
        dense_cost = n_levels * self.terms[self.first].n_effects * self.rest_size**2
        few = n_pairs * _PAIR_COST < dense_cost and n_pairs < _MOST_PAIRS
        self.by_pairs = few or self.layout.n_blocks > 1
        if self.by_pairs:
            self._arrange_pairs()

    def _blocks(self) -> Layout:
        """The blocks of S where they take less than half of it: effects that share a level of a factor go together."""
        same = self.entry_level[1:] == self.entry_level[:-1]
        rows, columns = [self.entry_column[1:][same]], [self.entry_column[:-1][same]]
        start = dict(zip(self.rest, self.rest_offsets, strict=False))
        for t in self.rest:
            own = start[t] + np.arange(self.terms[t].size).reshape(self.terms[t].n_levels, -1)
            rows.append(own[:, 1:].ravel())
            columns.append(own[:, :-1].ravel())
        for (s, t), cells in self.rest_cells.items():
            rows.append(start[s] + cells.rows * self.terms[s].n_effects)
            columns.append(start[t] + cells.columns * self.terms[t].n_effects)
        found = Layout.connected(self.rest_size, np.concatenate(rows), np.concatenate(columns))
        return found if 2 * found.n_stored < self.rest_size**2 else Layout.dense(self.rest_size)

    def _arrange_pairs(self) -> None:
        """Every pair of entries (one, other) of the same level with other ≤ one, and where it lands in S."""
        entries = np.arange(len(self.entry_level))
        position = entries - self.entry_bounds[self.entry_level]
        self.pair_one = np.repeat(entries, position + 1)
        self.pair_starts = np.cumsum(position + 1) - (position + 1)
        within = np.arange(len(self.pair_one)) - np.repeat(self.pair_starts, position + 1)
        self.pair_other = self.entry_bounds[self.entry_level[self.pair_one]] + within
        self.pair_target = self.layout.flat(self.entry_column[self.pair_one], self.entry_column[self.pair_other])
        self.pair_same = self.pair_starts + position

    def segment(self, t: int) -> slice:
        """Where term t's random effects lie in a vector of all of them."""
        return slice(int(self.offsets[t]), int(self.offsets[t + 1]))

    def split(self, u: FloatArray) -> list[FloatArray]:
        """The random effects of each term, (levels, effects)."""
        return [u[self.segment(t)].reshape(term.n_levels, term.n_effects) for t, term in enumerate(self.terms)]

    def roots(self, scales: FloatArray) -> list[FloatArray]:
        """Λ of each term from the vector of all free entries."""
        out, start = [], 0
        for term in self.terms:
            root = np.zeros((term.n_effects, term.n_effects))
            for (row, column), value in zip(term.free, scales[start : start + len(term.free)], strict=True):
                root[row, column] = value
            out.append(root)
            start += len(term.free)
        return out

    def level_sums(self, t: int, values: FloatArray) -> FloatArray:
        """Sums of ``values`` (n,) over the ratings of each level of term t."""
        if t == self.first:
            return np.add.reduceat(values, self.starts)
        return totals(self.terms[t].codes, values, self.terms[t].n_levels)

    def spread(self, u: FloatArray, roots: Sequence[FloatArray]) -> FloatArray:
        """Z u: what the random effects add to η of each rating."""
        total: FloatArray | None = None
        for term, root, effects in zip(self.terms, roots, self.split(u), strict=True):
            scaled = effects @ root.T
            for k, column in enumerate(term.columns):
                part = times(np.take(scaled[:, k], term.codes), column)
                total = part if total is None else total + part
        assert total is not None
        return total

    def gather(self, values: FloatArray, roots: Sequence[FloatArray]) -> FloatArray:
        """Z'x for one value per rating, (size,), or for several columns of them, (size, m)."""
        if values.ndim == 2:
            return np.stack([self.gather(column, roots) for column in values.T], axis=1)
        parts = []
        for t, (term, root) in enumerate(zip(self.terms, roots, strict=True)):
            sums = [self.level_sums(t, times(values, column)) for column in term.columns]
            parts.append((np.stack(sums, axis=1) @ root).ravel())
        return np.concatenate(parts)

    def squares(self, t: int, weights: FloatArray, root: FloatArray) -> FloatArray:
        """The block of Z'WZ of each level of term t, (levels, effects, effects)."""
        term = self.terms[t]
        r = term.n_effects
        if r == 1:
            column = term.columns[0]
            sums = self.level_sums(t, weights if column is None else weights * column * column)
            return np.asarray((root[0, 0] ** 2 * sums)[:, None, None])
        plain = np.empty((term.n_levels, r, r))
        for a in range(r):
            for b in range(a + 1):
                plain[:, a, b] = self.level_sums(t, times(times(weights, term.columns[a]), term.columns[b]))
                plain[:, b, a] = plain[:, a, b]
        return np.asarray(root.T @ plain @ root)

    def crosses(self, s: int, t: int, cells: Cells, weights: FloatArray, roots: Sequence[FloatArray]) -> FloatArray:
        """The block of Z'WZ of each cell of terms s and t, (cells, effects of s, effects of t)."""
        one, other = self.terms[s], self.terms[t]
        plain = np.empty((len(cells.rows), one.n_effects, other.n_effects))
        for a, first in enumerate(one.columns):
            for b, second in enumerate(other.columns):
                plain[:, a, b] = totals(cells.of, times(times(weights, first), second), len(cells.rows))
        if plain.shape[1:] == (1, 1):
            return np.asarray(plain * (roots[s][0, 0] * roots[t][0, 0]))
        return np.asarray(roots[s].T @ plain @ roots[t])

    def border(self, weights: FloatArray, roots: Sequence[FloatArray]) -> FloatArray:
        """The entries of B, (entries, effects of the eliminated term)."""
        r = self.terms[self.first].n_effects
        parts = [
            self.crosses(self.first, t, self.cells[t], weights, roots).transpose(0, 2, 1).reshape(-1, r)
            for t in self.rest
        ]
        return np.take(parts[0] if len(parts) == 1 else np.concatenate(parts), self.entry_order, axis=0)

    def corner(self, weights: FloatArray, roots: Sequence[FloatArray]) -> FloatArray:
        """C, its lower triangle at least, stored as the layout says."""
        stored = self.layout.empty()
        corner = stored.reshape(-1)
        start = dict(zip(self.rest, self.rest_offsets, strict=False))
        for t in self.rest:
            term = self.terms[t]
            at = start[t] + np.arange(term.size).reshape(term.n_levels, term.n_effects)
            where = self.layout.flat(at[:, :, None], at[:, None, :])
            corner[where] = self.squares(t, weights, roots[t]) + np.eye(term.n_effects)
        for (s, t), cells in self.rest_cells.items():
            rows = start[s] + cells.rows[:, None] * self.terms[s].n_effects + np.arange(self.terms[s].n_effects)
            columns = start[t] + cells.columns[:, None] * self.terms[t].n_effects + np.arange(self.terms[t].n_effects)
            where = self.layout.flat(rows[:, :, None], columns[:, None, :])
            corner[where] = self.crosses(s, t, cells, weights, roots)
        return stored

    def border_square(self, scaled: FloatArray) -> FloatArray:
        """Y'Y for entries ``scaled`` of a matrix Y with the pattern of B; its lower triangle at least, stored."""
        layout, size = self.layout, self.rest_size
        if self.by_pairs:
            products = _dots(scaled[self.pair_one], scaled[self.pair_other])
            stored = totals(self.pair_target, products, layout.n_stored)
            return stored.reshape(layout.n_blocks, layout.width, layout.width)
        out = np.zeros((size, size))
        for _, dense in self.dense_pieces(scaled):
            flat = dense.reshape(-1, size)
            out += flat.T @ flat
        return out[None]

    def border_times(self, scaled: FloatArray, symmetric: FloatArray) -> FloatArray:
        """The entries of Y M that lie where Y has entries, for a symmetric M that is stored as the layout says."""
        if not self.by_pairs:
            out = np.empty_like(scaled)
            for entries, dense in self.dense_pieces(scaled):
                levels = self.entry_level[entries] - self.entry_level[entries.start]
                out[entries] = (dense @ symmetric[0])[levels, :, self.entry_column[entries]]
            return out
        values = symmetric.reshape(-1)[self.pair_target]
        values[self.pair_same] *= 0.5  # an entry with itself is one pair, and is added twice below
        columns = []
        for k in range(scaled.shape[1]):
            own = np.add.reduceat(values * scaled[self.pair_other, k], self.pair_starts)
            columns.append(own + totals(self.pair_other, values * scaled[self.pair_one, k], len(scaled)))
        return np.stack(columns, axis=1)

    def dense_pieces(self, scaled: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """Y as dense blocks (levels, effects, rest_size), some levels at a time, with the entries that each holds."""
        r, n_levels = scaled.shape[1], len(self.entry_bounds) - 1
        step = max(_CHUNK_ENTRIES // (r * self.rest_size), 1)
        for start in range(0, n_levels, step):
            stop = min(start + step, n_levels)
            entries = slice(int(self.entry_bounds[start]), int(self.entry_bounds[stop]))
            dense = np.zeros((stop - start, r, self.rest_size))
            dense[self.entry_level[entries] - start, :, self.entry_column[entries]] = scaled[entries]
            yield entries, dense


def _dots(one: FloatArray, other: FloatArray) -> FloatArray:
    """Row by row products, (m,)."""
    if one.shape[1] == 1:
        return np.asarray(one[:, 0] * other[:, 0])
    return np.asarray(np.einsum("mk,mk->m", one, other))
