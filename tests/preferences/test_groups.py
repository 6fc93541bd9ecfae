"""Policies in which social groups, not single raters, have a say; and which raters form a group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from pluralign.errors import ConfigError, DataError
from pluralign.feedback import Feedback
from pluralign.preferences import PairCounts, make_pairs
from tests.preferences.examples import DESIRABLE, Values, condition, feedback


def in_groups(ratings: Values, **groups: str) -> Feedback:
    """A bundle with the demographic ``party`` of each rater, null where not given."""
    bundle = feedback(ratings)
    party = [groups.get(rater) for rater in bundle.raters["rater"]]
    return replace(bundle, raters=bundle.raters.assign(party=pd.Series(party, dtype="str")))


def made(bundle: Feedback, policy: str, **settings: Any) -> tuple[pd.DataFrame, PairCounts]:
    merges = settings.pop("merges", None)
    chosen = condition(policy=policy, **{"groups": ("party",), **settings})
    return make_pairs(bundle, chosen, {"helpfulness": 1.0}, desirable=DESIRABLE, language="en", merges=merges)


# Three of x find a better, the one of y finds b better.
OUTVOTED: Values = {"r1": {"a": 5, "b": 4}, "r2": {"a": 5, "b": 4}, "r3": {"a": 4, "b": 3}, "r4": {"a": 1, "b": 5}}
PARTIES = {"r1": "x", "r2": "x", "r3": "x", "r4": "y"}


def test_group_balanced_gives_each_group_the_same_say() -> None:
    bundle = in_groups(OUTVOTED, **PARTIES)
    assert made(bundle, "preserve", groups=())[0]["p"].item() == 0.75
    (row,) = made(bundle, "group-balanced")[0].to_dict("records")
    assert row["p"] == (1.0 + 0.0) / 2
    assert (row["comparisons"], row["within_rater"], row["n_chosen"], row["n_rejected"]) == (4, 4, 4, 4)


def test_p_is_averaged_within_groups_first() -> None:
    # x: a better, a better, tie -> 5/6; y: b better, tie -> 1/4.
    ratings: Values = {
        **{"r1": {"a": 5, "b": 4}, "r2": {"a": 5, "b": 4}, "r3": {"a": 4, "b": 4}},
        **{"r4": {"a": 1, "b": 5}, "r5": {"a": 2, "b": 2}},
    }
    bundle = in_groups(ratings, r1="x", r2="x", r3="x", r4="y", r5="y")
    pairs, _ = made(bundle, "group-balanced")
    assert (pairs["chosen"].item(), pairs["p"].item()) == ("a", pytest.approx((5 / 6 + 1 / 4) / 2))
    hard, _ = made(bundle, "group-balanced", rows="hard")
    assert hard["weight"].tolist() == pytest.approx([pairs["p"].item(), 1 - pairs["p"].item()])


def test_within_a_group_raters_are_compared_across_where_none_rated_both() -> None:
    # x: r1 rated both, tie. y: 5 of r2 against 1 of r3.
    ratings: Values = {"r1": {"a": 3, "b": 3}, "r2": {"a": 5}, "r3": {"b": 1}}
    bundle = in_groups(ratings, r1="x", r2="y", r3="y")
    (row,) = made(bundle, "group-balanced")[0].to_dict("records")
    assert (row["p"], row["comparisons"], row["ties"], row["within_rater"]) == (0.75, 2, 1, 1)


def test_weights_count_within_groups_and_not_between_them() -> None:
    bundle = in_groups(OUTVOTED, **PARTIES)
    heavy = replace(bundle, raters=bundle.raters.assign(weight=[1.0, 1.0, 1.0, 100.0]))
    assert made(heavy, "group-balanced")[0]["p"].item() == 0.5
    assert made(heavy, "preserve", groups=())[0]["chosen"].item() == "b"


def test_maximin_goes_by_the_group_that_is_served_least() -> None:
    # x: a 14/3, b 11/3; y: a 1, b 5. The least of a is 1, of b 11/3.
    (row,) = made(in_groups(OUTVOTED, **PARTIES), "maximin")[0].to_dict("records")
    assert (row["chosen"], row["p"], row["comparisons"]) == ("b", 1.0, 1)


def test_maximin_counts_only_groups_that_rated_both() -> None:
    # Of y only b is known, so it does not speak against b; x and z find b better (3 and 4 against 2 and 2).
    ratings: Values = {"r1": {"a": 2, "b": 3}, "r2": {"b": 1}, "r3": {"a": 2, "b": 4}}
    bundle = in_groups(ratings, r1="x", r2="y", r3="z")
    assert made(bundle, "maximin")[0]["chosen"].item() == "b"


def test_maximin_ties_where_the_least_are_equal() -> None:
    # x: 2 and 4, y: 5 and 2.
    bundle = in_groups({"r1": {"a": 2, "b": 4}, "r2": {"a": 5, "b": 2}}, r1="x", r2="y")
    pairs, counts = made(bundle, "maximin")
    assert pairs.empty
    assert counts.dropped["tied"] == 1


@pytest.mark.parametrize("policy", ["group-balanced", "maximin"])
def test_one_group_alone_decides_nothing(policy: str) -> None:
    bundle = in_groups({"r1": {"a": 5, "b": 1}, "r2": {"a": 3}}, r1="x", r2="y")
    pairs, counts = made(bundle, policy)
    assert pairs.empty
    assert counts.dropped["few_groups"] == 1


def test_raters_without_an_answer_and_of_small_groups_are_left_out_and_counted() -> None:
    ratings: Values = {f"r{number}": {"a": 5, "b": 1} for number in range(8)}
    parties = {"r0": "x", "r1": "x", "r2": "y", "r3": "y", "r4": "z", "r5": "undeclared"}
    pairs, counts = made(in_groups(ratings, **parties), "group-balanced", min_raters=2)
    assert pairs["n_chosen"].item() == 4
    assert (counts.ratings_dropped["ungrouped"], counts.ratings_dropped["small_group"]) == (6, 2)
    assert counts.raters == 4


def test_merged_answers_are_one_group() -> None:
    ratings: Values = {"r1": {"a": 5, "b": 1}, "r2": {"a": 1, "b": 5}, "r3": {"a": 1, "b": 5}}
    bundle = in_groups(ratings, r1="x", r2="x2", r3="y")
    assert made(bundle, "group-balanced")[0]["p"].item() == pytest.approx(2 / 3)
    merged, _ = made(bundle, "group-balanced", merges={"party": {"x": "all-x", "x2": "all-x"}})
    assert merged["p"].item() == 0.75  # ½ within x and x2, 1 within y


def test_several_demographics_make_intersectional_groups() -> None:
    ratings: Values = {"r1": {"a": 5, "b": 1}, "r2": {"a": 1, "b": 5}, "r3": {"a": 1, "b": 5}, "r4": {"a": 1, "b": 5}}
    bundle = in_groups(ratings, r1="x", r2="x", r3="x", r4="y")
    # The example's own column: r1 and r3 odd, r2 and r4 even. Groups: x odd ½, x even 0, y even 0.
    pairs, _ = made(bundle, "group-balanced", groups=("party", "group"))
    assert (pairs["chosen"].item(), pairs["p"].item()) == ("b", pytest.approx(5 / 6))


def test_fewer_than_two_groups_are_an_error_that_lists_them() -> None:
    bundle = in_groups(OUTVOTED, **PARTIES)
    with pytest.raises(DataError, match=r"at least 2 raters: 1; 2 or more are needed.*x 3, y 1.*min_raters"):
        made(bundle, "maximin", min_raters=2)


def test_a_demographic_that_the_raters_lack_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"`groups` names age, which the table of raters lacks"):
        made(in_groups(OUTVOTED, **PARTIES), "maximin", groups=("age",))
