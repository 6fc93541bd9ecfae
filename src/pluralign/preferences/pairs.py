"""Pairs of responses to one prompt, with the probability that one is better."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pluralign.errors import ConfigError
from pluralign.preferences.opinions import Objective, by_prompt, opinion_table
from pluralign.preferences.policies import POLICIES, Comparison
from pluralign.records import PAIRS, check
from pluralign.study import Condition

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

DROPPED = ("rejected", "no_text", "same_text", "unrated", "no_mode", "tied")
"""Why two responses give no preference, in the order in which the reasons are looked for: a review rejected one, one
has no text in the language, both say the same, one has no usable rating, one has no modal rating, every comparison
is tied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """What became of the ratings and of the pairs of one condition.

    ``raters`` and ``ratings`` are those behind the opinions used. ``ratings_dropped`` counts the others:
    ``neutral`` (left out when the scale was reduced), ``incomplete`` (opinions that lack a dimension of the
    objective), ``weightless`` (opinions of raters of weight zero). ``candidates`` counts the pairs of responses to one
    prompt: ``natural`` (those kept) plus the sum of ``dropped``. ``even`` counts those kept with p = ½.
    """

    raters: int
    ratings: int
    ratings_dropped: Mapping[str, int]
    candidates: int
    dropped: Mapping[str, int]
    natural: int
    even: int


def make_pairs(
    feedback: Feedback,
    condition: Condition,
    objective: Mapping[str, float],
    *,
    desirable: Mapping[str, str],
    language: str,
    codes: Mapping[str, Collection[str]] | None = None,
) -> tuple[pd.DataFrame, PairCounts]:
    """Turn ratings into preference pairs under one condition; see ``docs/explanation/preferences.md``.

    ``objective`` maps dimensions to positive weights, ``desirable`` each of them to ``high`` or ``low``; responses
    need a text in ``language``. ``codes`` gives codes that ``condition.whose`` may name although no rater has them.
    Returns a table of ``records.PAIRS``, possibly empty, and the counts. Raises ConfigError for an unknown dimension,
    language or column and for a weight that is not positive, DataError where no rater or rating is selected.
    """
    group = feedback.where(condition.whose, codes) if condition.whose else feedback
    scaled = group.rescale(condition.scale, neutral=condition.neutral)
    goal = _goal(objective, desirable, scaled.points)
    opinions, left_out = opinion_table(scaled, goal)
    compared = {
        prompt: (here.items, POLICIES[condition.policy](here, condition)) for prompt, here in by_prompt(opinions, goal)
    }
    items = _responses(feedback.items, language)
    parts = [
        _prompt_pairs(str(prompt), responses, compared.get(str(prompt)))
        for prompt, responses in items.groupby("prompt", sort=True)
    ]
    candidates = pd.concat(parts, ignore_index=True) if parts else _prompt_pairs("", items, None)
    kept = candidates.loc[candidates["reason"] == ""]
    dropped = candidates["reason"].value_counts()
    in_objective = group.ratings["dimension"].isin(list(objective))
    counts = PairCounts(
        raters=int(opinions["rater"].nunique()),
        ratings=len(opinions) * len(goal.weights),
        ratings_dropped={
            "neutral": int(in_objective.sum()) - int(scaled.ratings["dimension"].isin(list(objective)).sum()),
            **left_out,
        },
        candidates=len(candidates),
        dropped={reason: int(dropped.get(reason, 0)) for reason in DROPPED},
        natural=len(kept),
        even=int((kept["p"] == 0.5).sum()),
    )
    return _rows(kept, condition, goal), counts


def _goal(objective: Mapping[str, float], desirable: Mapping[str, str], points: int) -> Objective:
    unknown = [dimension for dimension in objective if dimension not in desirable]
    if unknown:
        raise ConfigError(
            f'The objective names the dimension "{unknown[0]}", which the study does not have; it has: '
            f"{', '.join(desirable)}."
        )
    return Objective(
        weights=dict(objective),
        low_is_good=frozenset(dimension for dimension in objective if desirable[dimension] == "low"),
        points=points,
    )


def _responses(items: pd.DataFrame, language: str) -> pd.DataFrame:
    """``item, prompt, text, rejected`` of each response, text "" where there is none."""
    column = f"text_{language}"
    if column not in items.columns:
        known = ", ".join(name.removeprefix("text_") for name in items.columns if name.startswith("text_"))
        raise ConfigError(f'The responses have no texts in the language "{language}"; they have: {known or "none"}.')
    return pd.DataFrame(
        {
            "item": items["item"],
            "prompt": items["prompt"],
            "text": items[column].astype(object).where(items[column].notna(), "").str.strip(),
            "rejected": items["review"] == "rejected",
        }
    ).sort_values("item")


def _prompt_pairs(
    prompt: str, responses: pd.DataFrame, compared: tuple[npt.NDArray[Any], Comparison] | None
) -> pd.DataFrame:
    """Every pair of a prompt's responses, in the order of their ids, with the comparison and the reason to drop it."""
    item = responses["item"].to_numpy(dtype=object)
    text, rejected = responses["text"].to_numpy(dtype=object), responses["rejected"].to_numpy(dtype=bool)
    first, second = np.triu_indices(len(item), 1)
    places = {} if compared is None else {name: place for place, name in enumerate(compared[0])}
    place = np.array([places.get(name, -1) for name in item], dtype=np.int64)
    rated = (place[first] >= 0) & (place[second] >= 0)
    at = place[first][rated], place[second][rated]
    columns: dict[str, npt.NDArray[Any]] = {"first": item[first], "second": item[second]}
    for name in ("p", "comparisons", "ties", "within_rater"):
        columns[name] = _filled(rated, None if compared is None else getattr(compared[1], name)[at])
    columns["n_first"] = _filled(rated, None if compared is None else compared[1].opinions[at])
    columns["n_second"] = _filled(rated, None if compared is None else compared[1].opinions[at[::-1]])
    wrong = {
        "rejected": rejected[first] | rejected[second],
        "no_text": (text[first] == "") | (text[second] == ""),
        "same_text": text[first] == text[second],
        "unrated": ~rated,
        "no_mode": np.isnan(columns["p"]),
        "tied": columns["ties"] == columns["comparisons"],
    }
    columns["reason"] = np.select([wrong[name] for name in DROPPED], DROPPED, default="")
    return pd.DataFrame({"prompt": prompt, **columns})


def _filled(rated: npt.NDArray[np.bool_], values: npt.NDArray[Any] | None) -> npt.NDArray[np.float64]:
    """``values`` at the places that are rated, NaN elsewhere."""
    filled = np.full(len(rated), np.nan)
    if values is not None:
        filled[rated] = values
    return filled


def _rows(kept: pd.DataFrame, condition: Condition, goal: Objective) -> pd.DataFrame:
    """Rows of the table of pairs: the better response is chosen; an even pair keeps the order of the ids."""
    forward = _directed(kept, "first", "second", kept["p"])
    backward = _directed(kept, "second", "first", 1 - kept["p"])
    if condition.rows == "hard":
        # One row per direction with the share of the comparisons that went that way; a share of 0 is no row.
        both = pd.concat([forward, backward]).sort_index(kind="stable")
        table = both.assign(weight=both["p"], p=1.0).loc[lambda rows: rows["weight"] > 0]
    else:
        table = forward.where(forward["p"] >= 0.5, backward).assign(weight=1.0)
    table = table.assign(
        pair=table["chosen"].astype(object) + ">" + table["rejected"].astype(object),
        objective=json.dumps(dict(goal.weights), sort_keys=True),
        policy=condition.policy,
    )
    counts = ["n_chosen", "n_rejected", "comparisons", "ties", "within_rater"]
    return check(table.astype(dict.fromkeys(counts, "int32")), PAIRS, f"pairs of condition {condition.key}")


def _directed(kept: pd.DataFrame, chosen: str, rejected: str, p: pd.Series[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prompt": kept["prompt"],
            "chosen": kept[chosen],
            "rejected": kept[rejected],
            "p": p,
            "n_chosen": kept[f"n_{chosen}"],
            "n_rejected": kept[f"n_{rejected}"],
            **{name: kept[name] for name in ("comparisons", "ties", "within_rater")},
        }
    )
