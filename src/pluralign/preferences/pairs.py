"""Pairs of responses to one prompt, with the probability that one is better."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pluralign.errors import ConfigError
from pluralign.preferences.candidates import candidate_pairs, verdicts
from pluralign.preferences.leniency import impressions
from pluralign.preferences.opinions import Objective, by_prompt, opinion_table
from pluralign.preferences.policies import POLICIES
from pluralign.preferences.selection import group_numbers, selected
from pluralign.records import PAIRS, check
from pluralign.study import Condition

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

DROPPED = (
    *("rejected", "no_text", "same_text", "unrated"),
    *("no_rater_of_both", "no_mode", "disputed", "few_groups", "incomparable", "tied"),
)
"""Why two responses give no preference, in the order in which the reasons are looked for: a review rejected one, one
has no text in the language, both say the same, one has no usable rating; no rater rated both (where that is asked
for), one has no modal rating, raters contradict each other (where none may), fewer than two groups compared them, each
is better by some dimension (where all count); every comparison is tied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """What became of the ratings and of the pairs of one condition.

    ``raters`` and ``ratings`` are those behind the opinions used. ``ratings_dropped`` counts the others of the raters
    asked for: ``neutral`` (left out when the scale was reduced), ``incomplete`` (opinions that lack a dimension of the
    objective), ``weightless`` (opinions of raters of weight zero), ``ungrouped`` and ``small_group`` (opinions of
    raters without a group). ``candidates`` counts the pairs of responses to one prompt: ``natural`` (those kept) plus
    the sum of ``dropped``. ``even`` counts those kept with p = ½.
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
    merges: Mapping[str, Mapping[str, str]] | None = None,
    salt: str = "",
) -> tuple[pd.DataFrame, PairCounts]:
    """Turn ratings into preference pairs under one condition; see ``docs/explanation/policies.md``.

    ``objective`` maps dimensions to positive weights, ``desirable`` each of them to ``high`` or ``low``; responses
    need a text in ``language``. ``codes`` gives codes that ``condition.whose`` may name although no rater has them,
    ``merges`` (demographic -> code -> merged code) the groups that count as one, ``salt`` decides random halves.
    Returns a table of ``records.PAIRS``, possibly empty, and the counts. Raises ConfigError for an unknown dimension,
    language or column and for a weight that is not positive, DataError where too few raters or ratings are selected.
    """
    goal = _goal(objective, desirable, condition)
    candidates = candidate_pairs(feedback.items, language)
    chosen = selected(feedback, condition, codes, salt)
    scaled = chosen.rescale(condition.scale, neutral=condition.neutral)
    opinions, left_out = opinion_table(_without_leniency(scaled, goal) if _is_latent(condition) else scaled, goal)
    opinions, ungrouped = _grouped(opinions, scaled.raters, condition, merges)
    policy = POLICIES[condition.policy]
    compared = ((here, policy(here, condition)) for here in by_prompt(opinions, goal, scaled.points))
    judged = _with_reasons(candidates.merge(verdicts(compared), on=["first", "second"], how="left"))
    kept = judged.loc[judged["reason"] == ""]
    dropped = judged["reason"].value_counts()
    in_objective = [int(part.ratings["dimension"].isin(list(objective)).sum()) for part in (chosen, scaled)]
    counts = PairCounts(
        raters=int(opinions["rater"].nunique()),
        ratings=len(opinions) * len(goal.weights),
        ratings_dropped={"neutral": in_objective[0] - in_objective[1], **left_out, **ungrouped},
        candidates=len(judged),
        dropped={reason: int(dropped.get(reason, 0)) for reason in DROPPED},
        natural=len(kept),
        even=int((kept["p"] == 0.5).sum()),
    )
    return _rows(kept, condition, goal), counts


def _is_latent(condition: Condition) -> bool:
    return condition.leniency == "removed"


def _goal(objective: Mapping[str, float], desirable: Mapping[str, str], condition: Condition) -> Objective:
    unknown = [dimension for dimension in objective if dimension not in desirable]
    if unknown:
        raise ConfigError(
            f'The objective names the dimension "{unknown[0]}", which the study does not have; it has: '
            f"{', '.join(desirable)}."
        )
    return Objective(
        weights=dict(objective),
        low_is_good=frozenset(dimension for dimension in objective if desirable[dimension] == "low"),
        turn=0.0 if _is_latent(condition) else condition.scale + 1.0,
        pareto=condition.combine == "pareto",
    )


def _without_leniency(feedback: Feedback, goal: Objective) -> Feedback:
    """The same ratings of the objective's dimensions as impressions on the logit scale."""
    ratings = feedback.ratings.loc[feedback.ratings["dimension"].isin(list(goal.weights))]
    parts = [impressions(part, str(dimension)) for dimension, part in ratings.groupby("dimension", sort=True)]
    values = pd.concat(parts) if parts else pd.Series(dtype="float64")
    return replace(feedback, ratings=ratings.assign(value=values.reindex(ratings.index)))


def _grouped(
    opinions: pd.DataFrame,
    raters: pd.DataFrame,
    condition: Condition,
    merges: Mapping[str, Mapping[str, str]] | None,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The opinions of raters in a group, with its number, and the numbers of the others by reason."""
    lost = {"ungrouped": 0, "small_group": 0}
    if not condition.groups:
        return opinions, lost
    present = raters.loc[raters["rater"].isin(opinions["rater"])]
    numbers, why = group_numbers(present, condition, merges)
    group = opinions["rater"].map(numbers)
    found = opinions.loc[group.isna(), "rater"].map(why).value_counts()
    lost = {reason: int(found.get(reason, 0)) for reason in lost}
    kept = opinions.assign(group=group).loc[group.notna()].reset_index(drop=True)
    return kept.astype({"group": "int64"}), lost


def _with_reasons(judged: pd.DataFrame) -> pd.DataFrame:
    unrated = judged["why"].isna()
    tied = ~unrated & (judged["ties"] == judged["comparisons"])
    cases = [judged["reason"] != "", unrated, judged["why"] != "", tied]
    return judged.assign(reason=np.select(cases, [judged["reason"], "unrated", judged["why"], "tied"], ""))


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
