"""Policies: what two responses' ratings say about which of them is better.

A policy looks at the opinions on the items of one prompt and compares each item with each other. It is one function
from ``Opinions`` to ``Comparison``; ``POLICIES`` lists them by the name used in the study file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pluralign.errors import ConfigError
from pluralign.preferences.opinions import Floats, Ints, Opinions
from pluralign.study import Condition


@dataclass(frozen=True, slots=True)
class Comparison:
    """All n items of a prompt compared with one another; every array is (n, n), row item against column item.

    ``p`` is the probability that the row's item is better, ``p + p.T = 1``, and NaN where the policy gives an item no
    value. ``comparisons`` counts the comparisons behind it, ``ties`` those that were tied, ``within_rater`` those
    made within one rater; ``opinions`` counts the opinions on the row's item that took part.
    """

    p: Floats
    comparisons: Ints
    ties: Ints
    within_rater: Ints
    opinions: Ints


Policy = Callable[[Opinions, Condition], Comparison]


def preserve(opinions: Opinions, condition: Condition) -> Comparison:  # noqa: ARG001 - every policy is called alike
    """Every opinion counts: p = P(better) + ½ P(tie), so that disagreement stays in the data as a probability.

    Where at least one rater rated both items, only comparisons within raters count, since they are free of the
    raters' leniency; otherwise each opinion on one item is compared with each on the other.
    """
    within, across = _within_raters(opinions), _across_raters(opinions)
    own = within.comparisons > 0
    p: Floats = np.where(own, within.p, across.p)
    return Comparison(
        # Rounded, so that weights which cancel on paper give an even split.
        p=p.round(12),
        comparisons=np.where(own, within.comparisons, across.comparisons),
        ties=np.where(own, within.ties, across.ties),
        within_rater=within.comparisons,
        opinions=np.where(own, within.opinions, across.opinions),
    )


def majority(opinions: Opinions, condition: Condition) -> Comparison:
    """Each item gets, per dimension, the value most raters chose; the item with the higher utility is better.

    ``condition.ties`` says what an item gets when several values are equally frequent: nothing (``drop``, also if
    not given), the ``low``est or ``high``est of them, or the ``neutral`` middle of the scale.
    """
    points = opinions.objective.points
    columns = [
        _modes(_histogram(opinions, opinions.values[:, column], points), condition.ties or "drop")
        for column in range(opinions.values.shape[1])
    ]
    return compare_values(opinions, opinions.objective.utility(np.stack(columns, axis=1)))


POLICIES: dict[str, Policy] = {"preserve": preserve, "majority": majority}


def compare_values(opinions: Opinions, utility: Floats) -> Comparison:
    """Compare items that have one utility each, shape (n,); NaN is no utility."""
    row, column = utility[:, None], utility[None, :]
    p = np.where(row > column, 1.0, np.where(row == column, 0.5, 0.0))
    p[np.isnan(row) | np.isnan(column)] = np.nan
    one = np.ones(p.shape, dtype=np.int64)
    counts = np.bincount(opinions.item, minlength=len(opinions.items)).astype(np.int64)
    return Comparison(
        p=p,
        comparisons=one,
        ties=(row == column).astype(np.int64),
        within_rater=np.zeros_like(one),
        opinions=np.broadcast_to(counts[:, None], p.shape),
    )


def _across_raters(opinions: Opinions) -> Comparison:
    """Compare each opinion on one item with each on the other; weights multiply."""
    n = len(opinions.items)
    levels, level = np.unique(opinions.objective.utility(opinions.values), return_inverse=True)
    mass, count = np.zeros((n, len(levels))), np.zeros((n, len(levels)), dtype=np.int64)
    np.add.at(mass, (opinions.item, level), opinions.weight)
    np.add.at(count, (opinions.item, level), 1)
    below = np.cumsum(mass, axis=1) - mass
    won, tied = mass @ below.T, mass @ mass.T
    total = mass.sum(axis=1)
    counts = count.sum(axis=1)
    return Comparison(
        p=(won + tied / 2) / np.outer(total, total),
        comparisons=np.outer(counts, counts),
        ties=count @ count.T,
        within_rater=np.zeros((n, n), dtype=np.int64),
        opinions=np.broadcast_to(counts[:, None], (n, n)),
    )


def _within_raters(opinions: Opinions) -> Comparison:
    """Compare each rater's opinions with the same rater's; p is NaN where no rater rated both."""
    n, raters = len(opinions.items), int(opinions.rater.max()) + 1
    utility, weight = np.full((raters, n), np.nan), np.zeros(raters)
    utility[opinions.rater, opinions.item] = opinions.objective.utility(opinions.values)
    weight[opinions.rater] = opinions.weight
    several = (~np.isnan(utility)).sum(axis=1) > 1
    utility, weight = utility[several], weight[several]
    won, tied, total = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    comparisons, ties = np.zeros((n, n), dtype=np.int64), np.zeros((n, n), dtype=np.int64)
    for item in range(n):  # item by item keeps memory at raters x items
        other = utility - utility[:, [item]]
        both, equal = ~np.isnan(other), other == 0
        won[item], tied[item], total[item] = weight @ (other < 0), weight @ equal, weight @ both
        comparisons[item], ties[item] = both.sum(axis=0), equal.sum(axis=0)
    with np.errstate(invalid="ignore"):
        p = (won + tied / 2) / total
    return Comparison(p=p, comparisons=comparisons, ties=ties, within_rater=comparisons, opinions=comparisons)


def _histogram(opinions: Opinions, values: Floats, points: int) -> Floats:
    """Weight of the raters who gave each item each value, shape (n, points)."""
    mass = np.zeros((len(opinions.items), points))
    np.add.at(mass, (opinions.item, values.astype(np.int64) - 1), opinions.weight)
    return mass


def _modes(mass: Floats, ties: str) -> Floats:
    """The most frequent value of each row, shape (n, points) -> (n,); NaN where the rule gives none."""
    points = mass.shape[1]
    frequent = np.isclose(mass, mass.max(axis=1, keepdims=True), rtol=1e-9, atol=0.0)
    lowest: Floats = frequent.argmax(axis=1) + 1.0
    highest: Floats = points - frequent[:, ::-1].argmax(axis=1) + 0.0
    if ties == "low":
        return lowest
    if ties == "high":
        return highest
    if ties == "neutral" and points % 2 == 0:
        raise ConfigError(
            f"A scale of {points} points has no middle, so `ties: neutral` cannot be used with it; allowed are drop, "
            "low and high."
        )
    otherwise = (points + 1) / 2 if ties == "neutral" else np.nan
    mode: Floats = np.where(lowest == highest, lowest, otherwise)
    return mode
