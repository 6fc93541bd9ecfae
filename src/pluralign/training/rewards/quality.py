"""How good a reward model is for people whom it has not learnt from, on prompts that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.stats.ranks import resampled, spearman
from pluralign.training.rewards.fit import log_score
from pluralign.training.rewards.models import RewardModel, numbered

FloatArray = NDArray[np.float64]

EVERYBODY = "everybody"
_DRAWS = 500
_FEWEST_RESPONSES = 5


def quality(
    model: RewardModel,
    states: FloatArray,
    items: pd.DataFrame,
    ratings: pd.DataFrame,
    groups: Mapping[str, Mapping[str, str]],
    numbers: Mapping[str, int] | None,
    seed: int,
) -> pd.DataFrame:
    """One row per dimension and group of raters (``groups``: demographic to rater to answer), first everybody.

    ``spearman`` is the rank correlation of the reward with the mean desirability of each response; ``log_score`` the
    mean logarithm of the probability given to a rating, ``gain`` how much higher it is than where all responses get the
    shares of the categories among these ratings, which is more than anybody could know. Intervals (95 %) come from
    resampled prompts. A group with fewer than five rated responses has no numbers. ``numbers`` are the groups that have
    heads of their own.
    """
    lines = []
    for dimension in model.heads:
        rated = ratings.loc[ratings["dimension"] == dimension]
        lines.append(
            {"dimension": dimension, "group": EVERYBODY, **_line(model, dimension, states, items, rated, numbers, seed)}
        )
        for demographic, answers in groups.items():
            for answer, raters in _by_answer(answers).items():
                mine = rated.loc[rated["rater"].isin(raters)]
                named = {"dimension": dimension, "group": f"{demographic}: {answer}"}
                lines.append({**named, **_line(model, dimension, states, items, mine, numbers, seed)})
    return pd.DataFrame(lines)


def _by_answer(answers: Mapping[str, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rater, answer in sorted(answers.items()):
        found.setdefault(answer, set()).add(rater)
    return dict(sorted(found.items()))


def _line(
    model: RewardModel,
    dimension: str,
    states: FloatArray,
    items: pd.DataFrame,
    ratings: pd.DataFrame,
    numbers: Mapping[str, int] | None,
    seed: int,
) -> dict[str, object]:
    rated = numbered(ratings, items, numbers)
    responses = np.unique(rated.response)
    line: dict[str, object] = {
        "raters": ratings["rater"].nunique(),
        "responses": len(responses),
        "ratings": len(rated.value),
    }
    if len(responses) < _FEWEST_RESPONSES:
        return line
    head, sign = model.heads[dimension], model.signs[dimension]
    total = np.bincount(rated.response, rated.weight, len(items))[responses]
    sums = np.bincount(rated.response, rated.weight * rated.value, len(items))[responses]
    people, reward = sign * sums / total, model.reward(dimension, states)[responses]
    scores = log_score(head, model.features(states), rated)
    shares = np.bincount(rated.value, rated.weight, len(head.thresholds) + 1) / rated.weight.sum()
    gains = scores - np.log(shares[rated.value])
    prompt_of = rated.prompt[responses]
    of_rating = rated.prompt[rated.response]

    # Resamples are of prompts, with all their responses and ratings.
    _, group_of = np.unique(prompt_of, return_inverse=True)
    of_rating = np.searchsorted(responses, rated.response)
    weight, score, gain = (np.bincount(of_rating, rated.weight * part, len(responses)) for part in (1.0, scores, gains))

    def measures(times: FloatArray) -> FloatArray:
        total = times @ weight
        return np.column_stack([spearman(reward, people, times), times @ score / total, times @ gain / total])

    values = measures(np.ones((1, len(responses))))[0]
    draws = resampled(group_of, _DRAWS, seed, measures)
    for column, (name, value) in enumerate(zip(("spearman", "log_score", "gain"), values, strict=True)):
        finite = draws[np.isfinite(draws[:, column]), column]
        low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
        line |= {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}
    return line
