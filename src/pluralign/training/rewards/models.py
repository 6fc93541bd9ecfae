"""Reward models: how the raters of a condition would rate a response, one head per dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.errors import DataError
from pluralign.training.rewards.fit import Head, Ratings, fit

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

FloatArray = NDArray[np.float64]

_COMPONENTS = 64
_LEAST_SPREAD = 0.02


@dataclass(frozen=True, slots=True)
class RewardModel:
    """``centre`` (width,) and ``basis`` (width, q) make features of hidden states; ``heads`` are by dimension;
    ``signs`` are -1 where a low rating is desirable, else 1. ``worst`` says what becomes of several groups' heads:
    the worst-off group's reward counts, or the mean over groups.
    """

    centre: FloatArray
    basis: FloatArray
    heads: Mapping[str, Head]
    signs: Mapping[str, float]
    worst: bool

    def features(self, states: FloatArray) -> FloatArray:
        """Features (n, q) of hidden states (n, width)."""
        made: FloatArray = (states - self.centre) @ self.basis
        return made

    def reward(self, dimension: str, states: FloatArray) -> FloatArray:
        """Log odds of a more desirable rating, (n,): of the average rater, or of the groups taken together."""
        head, sign, features = self.heads[dimension], self.signs[dimension], self.features(states)
        if not len(head.group_shifts):
            return sign * head.latent(features)
        each = sign * np.stack([head.latent(features, group) for group in range(len(head.group_shifts))])
        together: FloatArray = each.min(axis=0) if self.worst else each.mean(axis=0)
        return together


def learn(
    states: FloatArray,
    items: pd.DataFrame,
    ratings: pd.DataFrame,
    signs: Mapping[str, float],
    points: int,
    *,
    groups: Mapping[str, int] | None,
    worst: bool,
    lenient: bool,
) -> RewardModel:
    """A reward model from ``ratings`` (``rater, item, dimension, value, weight``) of ``items`` (``item, prompt``).

    The rows of ``states`` are the items' hidden states. ``groups`` numbers the raters' groups, where these have heads
    of their own; ``lenient`` gives raters random intercepts.

    Raises DataError where a dimension has no ratings, or its reward is the same for all responses.
    """
    centre = states.mean(axis=0)
    basis = _basis(states - centre)
    features = (states - centre) @ basis
    heads = {}
    for dimension in signs:
        rated = numbered(ratings.loc[ratings["dimension"] == dimension], items, groups)
        if not len(rated.value):
            raise DataError(f"There are no ratings on {dimension} to make a reward of. Collect some.")
        heads[dimension] = fit(features, rated, points, grouped=groups is not None, lenient=lenient)
    model = RewardModel(centre, basis, heads, signs, worst)
    for dimension in signs:
        spread = float(model.reward(dimension, states).std())
        if spread < _LEAST_SPREAD:
            raise DataError(
                f"The reward for {dimension} is the same for all responses (standard deviation {spread:.3f} in log "
                f"odds over {len(items)} responses), so there is nothing to learn from it. Collect more ratings, or "
                "use a finer scale or a wider group."
            )
    return model


def numbered(ratings: pd.DataFrame, items: pd.DataFrame, groups: Mapping[str, int] | None) -> Ratings:
    """The ratings of one dimension as arrays; those of raters without a group are left out where there are groups."""
    place = {item: number for number, item in enumerate(items["item"])}
    kept = ratings.loc[ratings["item"].isin(place) & (ratings["weight"] > 0)]
    if groups is not None:
        kept = kept.loc[kept["rater"].isin(groups)]
    numbers = [0 if groups is None else groups[rater] for rater in kept["rater"]]
    return Ratings(
        response=kept["item"].map(place).to_numpy(dtype=np.int64),
        value=kept["value"].to_numpy(dtype=np.int64) - 1,
        weight=kept["weight"].to_numpy(dtype=np.float64),
        rater=pd.factorize(kept["rater"], sort=True)[0].astype(np.int64),
        group=np.array(numbers, dtype=np.int64),
        prompt=pd.factorize(items["prompt"], sort=True)[0].astype(np.int64),
    )


def rating_table(feedback: Feedback) -> pd.DataFrame:
    """``rater, item, dimension, value, weight``, one row per rating."""
    weights = feedback.raters.set_index("rater")["weight"]
    table = feedback.ratings[["rater", "item", "dimension", "value"]]
    return table.assign(weight=table["rater"].map(weights).astype(float), value=table["value"].astype(int))


def _basis(centred: FloatArray) -> FloatArray:
    """Directions in which responses differ most, after each state was divided by its standard deviation; rows of the
    features have a mean squared length of 1.
    """
    scale = centred.std(axis=0)
    scale[scale == 0] = 1.0
    _, lengths, directions = np.linalg.svd(centred / scale, full_matrices=False)
    kept = (lengths > 1e-8 * max(lengths.max(initial=0.0), 1e-300)).nonzero()[0][:_COMPONENTS]
    basis: FloatArray = directions[kept].T / scale[:, None]
    length = np.sqrt((lengths[kept] ** 2).sum() / len(centred))
    return basis / (length or 1.0)
