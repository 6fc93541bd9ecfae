"""What one rater holds of one item, and how good that is under an objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pluralign.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NO_GROUP = -1
"""The group of raters in conditions that know no groups."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What makes a response better: dimensions, their weights, and where a low rating is the good one.

    A value's utility is the value where a high rating is desirable, and ``turn - value`` where a low one is:
    ``turn`` is ``points + 1`` for scale values. The criteria by which responses are compared are one, the weighted
    mean over the dimensions, or under ``pareto`` all of the dimensions.
    """

    weights: Mapping[str, float]
    low_is_good: frozenset[str]
    turn: float
    pareto: bool = False

    def criteria(self, values: Floats) -> Floats:
        """Utility of values, shape (n, dimensions) in the order of ``weights`` -> (n, criteria)."""
        low = np.array([dimension in self.low_is_good for dimension in self.weights])
        turned: Floats = np.where(low, self.turn - values, values)
        if not self.pareto:
            weights = np.array(list(self.weights.values()), dtype=np.float64)
            turned = (turned @ weights / weights.sum())[:, None]
        # Rounded, so that sums which are equal on paper are tied and not decided by the last bit.
        criteria: Floats = np.round(turned, 9)
        return criteria


@dataclass(frozen=True, slots=True)
class Opinions:
    """The opinions on the items of one prompt; an opinion is a rater's values of an item on all dimensions.

    ``items`` are the ids of n items; ``item`` (m,) points into them, ``rater`` (m,) tells raters apart from 0 on,
    ``group`` (m,) their groups, ``values`` (m, dimensions) are the ratings and ``weight`` (m,) the raters' weights,
    all positive. ``points`` is the number of points of the scale.
    """

    items: npt.NDArray[Any]
    item: Ints
    rater: Ints
    group: Ints
    values: Floats
    weight: Floats
    objective: Objective
    points: int

    @property
    def criteria(self) -> Floats:
        """Utilities by which the opinions are compared, shape (m, criteria)."""
        return self.objective.criteria(self.values)

    def of_group(self, group: int) -> Opinions:
        """Only the opinions of one group, on the same items."""
        mine = self.group == group
        return Opinions(
            items=self.items,
            item=self.item[mine],
            rater=np.unique(self.rater[mine], return_inverse=True)[1].astype(np.int64),
            group=self.group[mine],
            values=self.values[mine],
            weight=self.weight[mine],
            objective=self.objective,
            points=self.points,
        )


def opinion_table(feedback: Feedback, objective: Objective) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row per rater and item: ``prompt, item, rater, weight`` and the value on each dimension of the objective.

    Opinions that lack a dimension, and those of raters of weight zero, are left out; the second result counts them.
    Raises ConfigError for a dimension without ratings anywhere or a weight that is not positive, DataError for a
    negative rater weight.
    """
    dimensions = list(objective.weights)
    _check_objective(feedback, objective)
    ratings = feedback.ratings.loc[feedback.ratings["dimension"].isin(dimensions)]
    wide = ratings.assign(value=ratings["value"].astype("float64")).pivot(
        index=["item", "rater"], columns="dimension", values="value"
    )
    wide = wide.reindex(columns=dimensions).reset_index()
    wide["weight"] = wide["rater"].map(feedback.raters.set_index("rater")["weight"]).astype("float64")
    wide["prompt"] = wide["item"].map(feedback.items.set_index("item")["prompt"])
    _check_weights(wide)
    incomplete = wide[dimensions].isna().any(axis=1)
    weightless = ~incomplete & (wide["weight"] == 0)
    kept = wide.loc[~incomplete & ~weightless, ["prompt", "item", "rater", "weight", *dimensions]]
    kept = kept.sort_values(["prompt", "item", "rater"], ignore_index=True)
    return kept, {"incomplete": int(incomplete.sum()), "weightless": int(weightless.sum())}


def by_prompt(table: pd.DataFrame, objective: Objective, points: int) -> Iterator[Opinions]:
    """The opinions on each prompt of which two responses or more were rated, prompts and items in the order of ids.

    ``table`` is what ``opinion_table`` returns, with a column ``group`` where groups matter.
    """
    ordered = table.sort_values(["prompt", "item", "rater"], ignore_index=True)
    ids = ordered["item"].to_numpy(dtype=object)
    rater = pd.factorize(ordered["rater"])[0].astype(np.int64)
    group = ordered["group"].to_numpy(dtype=np.int64) if "group" in ordered else np.full(len(ids), NO_GROUP)
    values = ordered[list(objective.weights)].to_numpy(dtype=np.float64)
    weight = ordered["weight"].to_numpy(dtype=np.float64)
    new_item = np.r_[True, ids[1:] != ids[:-1]]
    item = np.cumsum(new_item) - 1
    prompts = ordered["prompt"].to_numpy(dtype=object)
    starts = np.flatnonzero(np.r_[True, prompts[1:] != prompts[:-1]]) if len(ids) else np.array([], dtype=np.int64)
    for start, end in zip(starts, np.r_[starts[1:], len(ids)], strict=True):
        here = slice(start, end)
        if item[start] == item[end - 1]:
            continue
        yield Opinions(
            items=ids[here][new_item[here]],
            item=item[here] - item[start],
            rater=np.unique(rater[here], return_inverse=True)[1].astype(np.int64),
            group=group[here],
            values=values[here],
            weight=weight[here],
            objective=objective,
            points=points,
        )


def _check_objective(feedback: Feedback, objective: Objective) -> None:
    rated = sorted(feedback.ratings["dimension"].unique())
    for dimension, weight in objective.weights.items():
        if dimension not in rated:
            raise ConfigError(
                f'The objective names the dimension "{dimension}", of which there are no ratings; rated are: '
                f"{', '.join(rated) or 'none'}. Correct the experiment's objective."
            )
        if not weight > 0:
            raise ConfigError(
                f'The objective gives the dimension "{dimension}" the weight {weight:g}; weights must be above 0. '
                "Whether high or low is better is said by the dimension's `desirable`."
            )


def _check_weights(opinions: pd.DataFrame) -> None:
    wrong = opinions["weight"].isna() | (opinions["weight"] < 0)
    if bool(wrong.any()):
        first = opinions.loc[wrong].iloc[0]
        raise DataError(
            f"The weight of rater {first['rater']} is {first['weight']}; weights must be 0 or more. Correct the "
            "column weight of the raters."
        )
