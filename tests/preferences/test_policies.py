"""Policies on examples small enough to work out by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pluralign.errors import ConfigError
from pluralign.feedback import Feedback
from pluralign.preferences import PairCounts, make_pairs
from tests.preferences.examples import DESIRABLE, Values, condition, feedback

BOTH = {"helpfulness": 1.0, "toxicity": 1.0}


def made(
    bundle: Feedback, objective: dict[str, float] | None = None, **settings: Any
) -> tuple[pd.DataFrame, PairCounts]:
    goal = objective or {"helpfulness": 1.0}
    return make_pairs(bundle, condition(**settings), goal, desirable=DESIRABLE, language="en")


def chosen(bundle: Feedback, objective: dict[str, float] | None = None, **settings: Any) -> str | None:
    """The chosen one of two items, or None where there is no pair."""
    pairs, _ = made(bundle, objective, **settings)
    return None if pairs.empty else str(pairs["chosen"].item())


# a: 5, 1, 1 (mean 2⅓, median 1, mode 1); b: 2, 2, 2.
SPLIT: Values = {"r1": {"a": 5}, "r2": {"a": 1}, "r3": {"a": 1}, "r4": {"b": 2}, "r5": {"b": 2}, "r6": {"b": 2}}


@pytest.mark.parametrize(
    ("settings", "better"), [({"policy": "mean"}, "a"), ({"policy": "median"}, "b"), ({"policy": "preserve"}, "b")]
)
def test_one_enthusiast_moves_the_mean_but_neither_median_nor_most_comparisons(
    settings: dict[str, Any], better: str
) -> None:
    assert chosen(feedback(SPLIT), **settings) == better


def test_mean_and_median_give_certain_pairs_from_values() -> None:
    (row,) = made(feedback(SPLIT), policy="mean")[0].to_dict("records")
    assert (row["p"], row["weight"], row["policy"]) == (1.0, 1.0, "mean")
    assert (row["comparisons"], row["ties"], row["n_chosen"], row["n_rejected"]) == (1, 0, 3, 3)


def test_equal_means_and_medians_are_tied() -> None:
    # Means 3 and 3, medians 3 and 3.
    bundle = feedback({"r1": {"a": 1}, "r2": {"a": 5}, "r3": {"b": 3}})
    for policy in ("mean", "median"):
        pairs, counts = made(bundle, policy=policy)
        assert pairs.empty
        assert counts.dropped["tied"] == 1


def test_weights_weigh_means_and_medians() -> None:
    # a: 1 with weight 1, 5 with weight 3: mean 4, median 5. b: 4 and 5, mean and median 4.5.
    ratings: Values = {"r1": {"a": 1}, "r2": {"a": 5}, "r3": {"b": 4}, "r4": {"b": 5}}
    assert chosen(feedback(ratings, weights={"r2": 3.0}), policy="mean") == "b"
    assert chosen(feedback(ratings, weights={"r2": 3.0}), policy="median") == "a"
    assert chosen(feedback(ratings, weights={"r2": 3.0}), policy="median", weights="equal") == "b"  # 3 against 4.5


def test_a_mean_of_several_dimensions_is_that_of_the_utilities() -> None:
    # a: (5 + 1) / 2 and (3 + 5) / 2 give 3.5; b: (4 + 4) / 2 gives 4.
    bundle = feedback({"r1": {"a": (5, 5)}, "r2": {"a": (3, 1)}, "r3": {"b": (4, 2)}})
    assert chosen(bundle, BOTH, policy="mean") == "b"


@pytest.mark.parametrize(
    ("ratings", "better", "reason"),
    [
        ({"r1": {"a": 5, "b": 4}, "r2": {"a": 2, "b": 1}}, "a", None),
        ({"r1": {"a": 5, "b": 4}, "r2": {"a": 2, "b": 2}}, "a", None),  # the second has no objection
        ({"r1": {"a": 5, "b": 4}, "r2": {"a": 1, "b": 2}}, None, "disputed"),
        ({"r1": {"a": 5, "b": 5}, "r2": {"a": 1, "b": 1}}, None, "tied"),
        ({"r1": {"a": 5}, "r2": {"a": 4}, "r3": {"b": 4}}, "a", None),
        ({"r1": {"a": 5}, "r2": {"a": 2}, "r3": {"b": 4}}, None, "disputed"),
    ],
)
def test_unanimous_keeps_what_nobody_contradicts(ratings: Values, better: str | None, reason: str | None) -> None:
    pairs, counts = made(feedback(ratings), policy="unanimous")
    assert (None if pairs.empty else (pairs["chosen"].item(), pairs["p"].item())) == (better and (better, 1.0))
    assert {name: number for name, number in counts.dropped.items() if number} == ({reason: 1} if reason else {})


# r1 rates both and prefers b; across raters a wins 2 of 3 (5 and 5 against 4 and 5).
WITHIN_AND_ACROSS: Values = {"r1": {"a": 4, "b": 5}, "r2": {"a": 5}, "r3": {"b": 1}}


@pytest.mark.parametrize(
    ("comparisons", "better", "p", "number", "within"),
    [
        ("within-first", "b", 1.0, 1, 1),
        ("within", "b", 1.0, 1, 1),
        # 4 < 5, 4 > 1, 5 = 5, 5 > 1
        ("across", "a", 2.5 / 4, 4, 0),
    ],
)
def test_comparisons_within_and_across_raters_are_told_apart(
    comparisons: str, better: str, p: float, number: int, within: int
) -> None:
    (row,) = made(feedback(WITHIN_AND_ACROSS), comparisons=comparisons)[0].to_dict("records")
    assert (row["chosen"], row["p"], row["comparisons"], row["within_rater"]) == (better, p, number, within)


def test_without_a_rater_of_both_there_is_nothing_within() -> None:
    pairs, counts = made(feedback({"r1": {"a": 5}, "r2": {"b": 1}}), comparisons="within")
    assert pairs.empty
    assert counts.dropped["no_rater_of_both"] == 1


def test_pareto_prefers_only_what_is_as_good_on_all_dimensions() -> None:
    # Utilities (helpfulness, 6 - toxicity): a (5, 2), b (4, 2), c (3, 5).
    bundle = feedback({"r1": {"a": (5, 4), "b": (4, 4), "c": (3, 1)}})
    pairs, counts = made(bundle, BOTH, combine="pareto")
    assert pairs["pair"].tolist() == ["a>b"]
    assert counts.dropped["tied"] == 2  # a comparison in which neither is better
    weighted, _ = made(bundle, BOTH)
    assert weighted["pair"].tolist() == ["a>b", "c>a", "c>b"]


@pytest.mark.parametrize("policy", ["majority", "mean", "median"])
def test_pareto_between_values_is_better_or_incomparable(policy: str) -> None:
    ties = {"ties": "drop"} if policy == "majority" else {}
    bundle = feedback({"r1": {"a": (5, 4), "b": (4, 4), "c": (3, 1)}})
    pairs, counts = made(bundle, BOTH, policy=policy, combine="pareto", **ties)
    assert pairs["pair"].tolist() == ["a>b"]
    assert counts.dropped["incomparable"] == 2


def test_pareto_among_many_raters_is_a_probability() -> None:
    # Of the comparisons of a with b: (5,5) > (3,3), (1,5) and (3,3) undecided. p = (1 + ½) / 2.
    bundle = feedback({"r1": {"a": (5, 1)}, "r2": {"a": (1, 1)}, "r3": {"b": (3, 3)}})
    (row,) = made(bundle, BOTH, combine="pareto")[0].to_dict("records")
    assert (row["chosen"], row["p"], row["comparisons"], row["ties"]) == ("a", 0.75, 2, 1)


def test_weights_of_the_objective_are_not_read_under_pareto() -> None:
    bundle = feedback({"r1": {"a": (5, 4), "b": (4, 4), "c": (3, 1)}, "r2": {"a": (2, 2), "b": (3, 2), "c": (1, 5)}})
    skewed = {"helpfulness": 9.0, "toxicity": 1.0}
    columns = ["pair", "p"]
    one, other = made(bundle, BOTH, combine="pareto")[0], made(bundle, skewed, combine="pareto")[0]
    pd.testing.assert_frame_equal(one[columns], other[columns])


def test_a_middle_is_refused_on_an_even_scale_also_when_called_from_python() -> None:
    bundle = feedback({"r1": {"a": 1}, "r2": {"a": 2}, "r3": {"b": 2}}, points=4)
    with pytest.raises(ConfigError, match="no middle"):
        made(bundle, policy="majority", scale=4, ties="neutral")
