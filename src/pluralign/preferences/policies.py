"""Policies: what two responses' ratings say about which of them is better.

A policy looks at the opinions on the items of one prompt and compares each item with each other. It is one function
from ``Opinions`` to ``Comparison``; ``POLICIES`` lists them by the name used in the study file. See
docs/explanation/policies.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pluralign.errors import ConfigError
from pluralign.preferences.comparing import (
    NO_RATER_OF_BOTH,
    Comparison,
    Tally,
    compare_values,
    reasons,
    tally,
)
from pluralign.preferences.groups import group_balanced, maximin
from pluralign.preferences.opinions import Floats, Opinions
from pluralign.study import Condition

Policy = Callable[[Opinions, Condition], Comparison]


def preserve(opinions: Opinions, condition: Condition) -> Comparison:
    """Every opinion counts: p = P(better) + ½ P(tie), so that disagreement stays in the data as a probability."""
    counted = tally(opinions, condition.comparisons)
    return _comparison(counted, counted.p)


def unanimous(opinions: Opinions, condition: Condition) -> Comparison:
    """An item is better where it won a comparison and lost none; where both won some, there is no verdict."""
    counted = tally(opinions, condition.comparisons)
    p = np.where(counted.won > 0, 1.0, np.where(counted.won.T > 0, 0.0, 0.5))
    disputed = (counted.won > 0) & (counted.won.T > 0)
    p[disputed | (counted.comparisons == 0)] = np.nan
    compared = _comparison(counted, p)
    compared.why[disputed] = "disputed"
    return compared


def majority(opinions: Opinions, condition: Condition) -> Comparison:
    """Each item gets, per dimension, the value most raters chose; the item with the higher utility is better.

    ``condition.ties`` says what an item gets when several values are equally frequent: nothing (``drop``, also if
    not given), the ``low``est or ``high``est of them, or the ``neutral`` middle of the scale.
    """
    columns = [
        _modes(_histogram(opinions, opinions.values[:, column]), condition.ties or "drop")
        for column in range(opinions.values.shape[1])
    ]
    return compare_values(opinions, opinions.objective.criteria(np.stack(columns, axis=1)), why="no_mode")


def mean(opinions: Opinions, condition: Condition) -> Comparison:  # noqa: ARG001 - every policy is called alike
    """Each item gets the weighted mean of its opinions' utilities; the higher is better."""
    n = len(opinions.items)
    total = np.bincount(opinions.item, weights=opinions.weight, minlength=n)
    sums = np.zeros((n, opinions.criteria.shape[1]))
    np.add.at(sums, opinions.item, opinions.criteria * opinions.weight[:, None])
    return compare_values(opinions, (sums / total[:, None]).round(9))


def median(opinions: Opinions, condition: Condition) -> Comparison:  # noqa: ARG001 - every policy is called alike
    """Each item gets the weighted median of its opinions' utilities; the higher is better."""
    criteria = opinions.criteria
    medians = [
        [_weighted_median(criteria[mine, column], opinions.weight[mine]) for column in range(criteria.shape[1])]
        for mine in (opinions.item == item for item in range(len(opinions.items)))
    ]
    return compare_values(opinions, np.array(medians))


POLICIES: dict[str, Policy] = {
    "preserve": preserve,
    "majority": majority,
    "mean": mean,
    "median": median,
    "unanimous": unanimous,
    "group-balanced": group_balanced,
    "maximin": maximin,
}


def _comparison(counted: Tally, p: Floats) -> Comparison:
    return Comparison(
        p=p,
        why=reasons(p, NO_RATER_OF_BOTH),
        comparisons=counted.comparisons,
        ties=counted.ties,
        within_rater=counted.within_rater,
        opinions=counted.opinions,
    )


def _histogram(opinions: Opinions, values: Floats) -> Floats:
    """Weight of the raters who gave each item each value, shape (n, points)."""
    mass = np.zeros((len(opinions.items), opinions.points))
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


def _weighted_median(values: Floats, weights: Floats) -> float:
    """The value with half of the weight on either side; midway between two where the weight splits evenly there."""
    order = np.argsort(values, kind="stable")
    ordered, share = values[order], np.cumsum(weights[order]) / weights.sum()
    lower = ordered[np.searchsorted(share, 0.5 - 1e-9)]
    upper = ordered[np.searchsorted(share, 0.5 + 1e-9)]
    return float(np.round((lower + upper) / 2, 9))
