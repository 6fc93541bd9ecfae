"""Whose ratings count in a condition, and to which social group they belong."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from pluralign.errors import ConfigError, DataError
from pluralign.preferences.groups import GROUPS_NEEDED
from pluralign.study import UNDECLARED, Condition

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

_BETWEEN = " × "


def selected(
    feedback: Feedback, condition: Condition, codes: Mapping[str, Collection[str]] | None, salt: str
) -> Feedback:
    """The ratings that a condition admits: those of its group, of one random half of it, weighted as it says.

    ``salt`` and the raters' ids decide the halves. Raises ConfigError for an expression that cannot be used and
    DataError where fewer than ``condition.min_raters`` raters with ratings are left.
    """
    chosen = feedback.where(condition.whose, codes) if condition.whose else feedback
    if condition.half is not None:
        halves = _halves(sorted(set(chosen.ratings["rater"])), salt)
        chosen = _of_raters(chosen, halves[condition.half])
    if condition.weights == "equal":
        chosen = replace(chosen, raters=chosen.raters.assign(weight=1.0))
    number = int(chosen.ratings["rater"].nunique())
    if number < condition.min_raters:
        raise DataError(
            f"Its ratings come from {number} raters, fewer than the {condition.min_raters} that `min_raters` asks for. "
            "Widen the group, collect more raters, or lower `min_raters`."
        )
    return chosen


def group_numbers(
    raters: pd.DataFrame, condition: Condition, merges: Mapping[str, Mapping[str, str]] | None
) -> tuple[dict[str, int], dict[str, str]]:
    """Number of the group of every rater who is in one, and of all others the reason why they are in none.

    Groups are the combinations of the answers to ``condition.groups``, merged by ``merges`` (demographic -> code ->
    merged code). Without an answer, a rater is ``ungrouped``; one of a group with fewer than ``condition.min_raters``
    members is in a ``small_group``. Raises ConfigError for a demographic that the raters lack and DataError where
    fewer than two groups are left.
    """
    absent = [key for key in condition.groups if key not in raters.columns]
    if absent:
        raise ConfigError(
            f"`groups` names {absent[0]}, which the table of raters lacks; it has {', '.join(raters.columns)}. Import "
            "it with the ratings, or name another."
        )
    answers = raters.set_index("rater")[list(condition.groups)]
    known = (answers.notna() & (answers != UNDECLARED)).all(axis=1)
    for key in condition.groups:
        codes = (merges or {}).get(key, {})
        answers[key] = answers[key].map(lambda code, codes=codes: codes.get(code, code))
    labels = answers.loc[known].agg(_BETWEEN.join, axis=1) if known.any() else pd.Series(dtype="str")
    sizes = labels.value_counts()
    large = sorted(sizes.index[sizes >= condition.min_raters])
    if len(large) < GROUPS_NEEDED:
        listed = ", ".join(f"{label} {size}" for label, size in sorted(sizes.items())) or "none"
        raise DataError(
            f"Groups by {_BETWEEN.join(condition.groups)} with at least {condition.min_raters} raters: {len(large)}; "
            f"{GROUPS_NEEDED} or more are needed. Raters by group: {listed}. Merge groups, collect more raters, or "
            "lower `min_raters`."
        )
    numbers = {str(rater): large.index(label) for rater, label in labels.items() if label in large}
    others = [str(rater) for rater in answers.index if rater not in numbers]
    why = {rater: "small_group" if known[rater] else "ungrouped" for rater in others}
    return numbers, why


def _halves(raters: Sequence[str], salt: str) -> dict[str, set[str]]:
    """Two halves of the raters, equal up to one, by the order of a hash."""
    order = sorted(raters, key=lambda rater: hashlib.sha256(f"half\x1f{salt}\x1f{rater}".encode()).hexdigest())
    middle = len(order) // 2
    return {"first": set(order[:middle]), "second": set(order[middle:])}


def _of_raters(feedback: Feedback, raters: Collection[str]) -> Feedback:
    return replace(
        feedback,
        raters=feedback.raters.loc[feedback.raters["rater"].isin(raters)].reset_index(drop=True),
        ratings=feedback.ratings.loc[feedback.ratings["rater"].isin(raters)].reset_index(drop=True),
    )
