"""Comparing the items of a prompt: rater by rater, opinion by opinion, or by one value per item.

One item is better than another where it is as good by every criterion and better by one; with a single criterion that
is "greater than". Where neither is better, the comparison is tied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pluralign.preferences.opinions import Floats, Ints, Opinions

NO_RATER_OF_BOTH = "no_rater_of_both"
INCOMPARABLE = "incomparable"

Comparisons = Literal["within-first", "within", "across"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All n items of a prompt compared with one another; every array is (n, n), row item against column item.

    ``p`` is the probability that the row's item is better, ``p + p.T = 1``, and NaN where the policy has no verdict;
    ``why`` says why, and is "" elsewhere. ``comparisons`` counts the comparisons behind it, ``ties`` those that were
    tied, ``within_rater`` those made within one rater; ``opinions`` counts the opinions on the row's item that took
    part.
    """

    p: Floats
    why: npt.NDArray[Any]
    comparisons: Ints
    ties: Ints
    within_rater: Ints
    opinions: Ints


@dataclass(frozen=True, slots=True)
class Tally:
    """Comparisons of opinions, counted; every array is (n, n), row item against column item.

    ``won`` is the weight of the comparisons that the row's item won, ``tied`` of those that neither won, ``total`` of
    all; the counts are those of ``Comparison``.
    """

    won: Floats
    tied: Floats
    total: Floats
    comparisons: Ints
    ties: Ints
    within_rater: Ints
    opinions: Ints

    @property
    def p(self) -> Floats:
        """P(better) + ½ P(tie); NaN where nothing was compared. Rounded, so that weights which cancel are even."""
        with np.errstate(invalid="ignore"):
            p: Floats = ((self.won + self.tied / 2) / self.total).round(12)
        return p


def better(one: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    """Whether ``one`` is better than ``other``; the last axis holds the criteria, NaN is no better than anything."""
    no_worse, once_better = np.all(one >= other, axis=-1), np.any(one > other, axis=-1)
    return np.asarray(no_worse & once_better)


def tally(opinions: Opinions, comparisons: Comparisons) -> Tally:
    """Count the comparisons of opinions.

    ``within``: only of raters with themselves, each weighing once. ``across``: each opinion on one item with each on
    the other, weights multiplied. ``within-first``: within where at least one rater rated both items, since such
    comparisons are free of the raters' leniency, and across elsewhere.
    """
    if comparisons == "across":
        return _across_raters(opinions)
    within = _within_raters(opinions)
    if comparisons == "within":
        return within
    across = _across_raters(opinions)
    own = within.comparisons > 0
    return Tally(
        won=np.where(own, within.won, across.won),
        tied=np.where(own, within.tied, across.tied),
        total=np.where(own, within.total, across.total),
        comparisons=np.where(own, within.comparisons, across.comparisons),
        ties=np.where(own, within.ties, across.ties),
        within_rater=within.comparisons,
        opinions=np.where(own, within.opinions, across.opinions),
    )


def reasons(p: Floats, why: str) -> npt.NDArray[Any]:
    """``why`` where ``p`` is NaN, "" elsewhere."""
    return np.where(np.isnan(p), why, "").astype(object)


def compare_values(opinions: Opinions, values: Floats, why: str = "") -> Comparison:
    """Compare items that have one value per criterion each, shape (n, criteria); NaN is no value, for which ``why``."""
    row, column = values[:, None, :], values[None, :, :]
    wins = better(row, column)
    p = np.where(wins, 1.0, np.where(wins.T, 0.0, 0.5))
    equal = (row == column).all(axis=-1)
    missing = np.isnan(row).any(axis=-1) | np.isnan(column).any(axis=-1)
    undecided = ~wins & ~wins.T & ~equal & ~missing
    p[missing | undecided] = np.nan
    one = np.ones(p.shape, dtype=np.int64)
    counts = np.bincount(opinions.item, minlength=len(opinions.items)).astype(np.int64)
    return Comparison(
        p=p,
        why=np.where(missing, why, np.where(undecided, INCOMPARABLE, "")).astype(object),
        comparisons=one,
        ties=equal.astype(np.int64),
        within_rater=np.zeros_like(one),
        opinions=np.broadcast_to(counts[:, None], p.shape),
    )


def _across_raters(opinions: Opinions) -> Tally:
    """Compare each opinion on one item with each on the other; weights multiply."""
    n = len(opinions.items)
    levels, level = np.unique(opinions.criteria, axis=0, return_inverse=True)
    level = level.reshape(-1)
    mass, count = np.zeros((n, len(levels))), np.zeros((n, len(levels)))
    np.add.at(mass, (opinions.item, level), opinions.weight)
    np.add.at(count, (opinions.item, level), 1.0)
    won, number_won = _won(mass, levels), _won(count, levels)
    total, counts = np.outer(mass.sum(axis=1), mass.sum(axis=1)), count.sum(axis=1).astype(np.int64)
    comparisons = np.outer(counts, counts)
    return Tally(
        won=won,
        tied=total - won - won.T,
        total=total,
        comparisons=comparisons,
        ties=comparisons - (number_won + number_won.T).astype(np.int64),
        within_rater=np.zeros((n, n), dtype=np.int64),
        opinions=np.broadcast_to(counts[:, None], (n, n)),
    )


def _won(mass: Floats, levels: Floats) -> Floats:
    """Mass of the comparisons that each item wins against each; ``mass`` (n, levels) is its share of each level."""
    if levels.shape[1] == 1:
        # A single criterion orders the levels, so that running sums do without a matrix of all levels by all.
        won: Floats = mass @ (np.cumsum(mass, axis=1) - mass).T
        return won
    return np.asarray(mass @ better(levels[:, None, :], levels[None, :, :]) @ mass.T)


def _within_raters(opinions: Opinions) -> Tally:
    """Compare each rater's opinions with the same rater's."""
    n, criteria = len(opinions.items), opinions.criteria
    raters = int(opinions.rater.max(initial=-1)) + 1
    utility, weight = np.full((raters, n, criteria.shape[1]), np.nan), np.zeros(raters)
    utility[opinions.rater, opinions.item] = criteria
    weight[opinions.rater] = opinions.weight
    rated = ~np.isnan(utility[:, :, 0])
    several = rated.sum(axis=1) > 1
    utility, weight, rated = utility[several], weight[several], rated[several]
    won, tied, total = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    comparisons, ties = np.zeros((n, n), dtype=np.int64), np.zeros((n, n), dtype=np.int64)
    for item in range(n):  # item by item keeps memory at raters x items
        mine = utility[:, [item], :]
        wins, loses = better(mine, utility), better(utility, mine)
        both = rated & rated[:, [item]]
        even = both & ~wins & ~loses
        won[item], tied[item], total[item] = weight @ wins, weight @ even, weight @ both
        comparisons[item], ties[item] = both.sum(axis=0), even.sum(axis=0)
    return Tally(won, tied, total, comparisons, ties, within_rater=comparisons, opinions=comparisons)
