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


@dataclass(frozen=True, slots=True)
class Objective:
    """What makes a response better: dimensions, their weights, and where a low rating is the good one.

    A rating's utility is its value where a high rating is desirable, and ``points + 1 - value`` where a low one is.
    With several dimensions it is the weighted mean of theirs.
    """

    weights: Mapping[str, float]
    low_is_good: frozenset[str]
    points: int

    def utility(self, values: Floats) -> Floats:
        """Utility of ratings, shape (n, dimensions) in the order of ``weights`` -> (n,), within 1 to ``points``."""
        low = np.array([dimension in self.low_is_good for dimension in self.weights])
        weights = np.array(list(self.weights.values()), dtype=np.float64)
        turned = np.where(low, self.points + 1 - values, values)
        # Rounded, so that sums which are equal on paper are tied and not decided by the last bit.
        utility: Floats = np.round(turned @ weights / weights.sum(), 9)
        return utility


@dataclass(frozen=True, slots=True)
class Opinions:
    """The opinions on the items of one prompt; an opinion is a rater's ratings of an item on all dimensions.

    ``items`` are the ids of n items; ``item`` (m,) points into them, ``rater`` (m,) tells raters apart, ``values``
    (m, dimensions) are the ratings and ``weight`` (m,) the raters' weights, all positive.
    """

    items: npt.NDArray[Any]
    item: Ints
    rater: Ints
    values: Floats
    weight: Floats
    objective: Objective


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
    wide = wide.reindex(columns=dimensions).reset_index().sort_values(["item", "rater"], ignore_index=True)
    wide["weight"] = wide["rater"].map(feedback.raters.set_index("rater")["weight"]).astype("float64")
    wide["prompt"] = wide["item"].map(feedback.items.set_index("item")["prompt"])
    _check_weights(wide)
    incomplete = wide[dimensions].isna().any(axis=1)
    weightless = ~incomplete & (wide["weight"] == 0)
    kept = wide.loc[~incomplete & ~weightless, ["prompt", "item", "rater", "weight", *dimensions]]
    return kept.reset_index(drop=True), {"incomplete": int(incomplete.sum()), "weightless": int(weightless.sum())}


def by_prompt(table: pd.DataFrame, objective: Objective) -> Iterator[tuple[str, Opinions]]:
    """The opinions of each prompt, prompts and items in the order of their ids."""
    for prompt, rows in table.groupby("prompt", sort=True):
        items, item = np.unique(rows["item"].to_numpy(dtype=object), return_inverse=True)
        yield (
            str(prompt),
            Opinions(
                items=items,
                item=item.astype(np.int64),
                rater=pd.factorize(rows["rater"])[0].astype(np.int64),
                values=rows[list(objective.weights)].to_numpy(dtype=np.float64),
                weight=rows["weight"].to_numpy(dtype=np.float64),
                objective=objective,
            ),
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
