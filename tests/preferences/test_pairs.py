from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pluralign.errors import ConfigError, DataError
from pluralign.feedback import Feedback
from pluralign.preferences import PairCounts, make_pairs
from tests.preferences.examples import DESIRABLE, Values, condition, feedback

ON_HELPFULNESS = {"helpfulness": 1.0}


def pairs_of(bundle: Feedback, objective: dict[str, float] | None = None, **settings: Any) -> pd.DataFrame:
    return made(bundle, objective, **settings)[0]


def made(
    bundle: Feedback, objective: dict[str, float] | None = None, **settings: Any
) -> tuple[pd.DataFrame, PairCounts]:
    return make_pairs(bundle, condition(**settings), objective or ON_HELPFULNESS, desirable=DESIRABLE, language="en")


# a is rated 5, 4 and b 4, 2 by four different people: comparisons 5>4, 5>2, 4=4, 4>2.
ACROSS: Values = {"r1": {"a": 5}, "r2": {"a": 4}, "r3": {"b": 4}, "r4": {"b": 2}}


def test_across_raters_every_opinion_meets_every_other() -> None:
    (row,) = pairs_of(feedback(ACROSS)).to_dict("records")
    assert (row["chosen"], row["rejected"]) == ("a", "b")
    assert row["p"] == (3 + 0.5) / 4
    assert (row["comparisons"], row["ties"], row["within_rater"]) == (4, 1, 0)
    assert (row["n_chosen"], row["n_rejected"], row["weight"]) == (2, 2, 1.0)
    assert (row["pair"], row["objective"], row["policy"]) == ("a>b", '{"helpfulness": 1.0}', "preserve")


def test_one_rater_of_both_outweighs_all_comparisons_across_raters() -> None:
    # r1 finds b better (5 against 4); that others gave a 5 and b 1 says more about them than about a and b.
    (row,) = pairs_of(feedback({"r1": {"a": 4, "b": 5}, "r2": {"a": 5}, "r3": {"b": 1}})).to_dict("records")
    assert (row["chosen"], row["rejected"], row["p"]) == ("b", "a", 1.0)
    assert (row["comparisons"], row["within_rater"], row["n_chosen"], row["n_rejected"]) == (1, 1, 1, 1)


def test_a_low_rating_is_the_better_one_where_low_is_desirable() -> None:
    bundle = feedback({"r1": {"a": (3, 5), "b": (3, 1)}})
    (row,) = pairs_of(bundle, {"toxicity": 1.0}).to_dict("records")
    assert (row["chosen"], row["p"]) == ("b", 1.0)


def test_several_dimensions_are_averaged_by_their_weights() -> None:
    # Utilities, helpfulness and 6 - toxicity: a (5, 1), b (3, 4). Weights 1:1 give 3 and 3.5, weights 3:1 4 and 3.25.
    bundle = feedback({"r1": {"a": (5, 5), "b": (3, 2)}})
    assert pairs_of(bundle, {"helpfulness": 0.5, "toxicity": 0.5})["chosen"].item() == "b"
    assert pairs_of(bundle, {"helpfulness": 3.0, "toxicity": 1.0})["chosen"].item() == "a"


def test_sums_that_are_equal_on_paper_are_tied() -> None:
    # 0.1 * 4 + 0.2 * 1 = 0.1 * 2 + 0.2 * 2, but not in binary floating point.
    bundle = feedback({"r1": {"a": (4, 5), "b": (2, 4)}})
    pairs, counts = made(bundle, {"helpfulness": 0.1, "toxicity": 0.2})
    assert pairs.empty
    assert counts.dropped["tied"] == 1


def test_an_opinion_that_lacks_a_dimension_is_dropped_and_counted() -> None:
    bundle = feedback({"r1": {"a": (5, None), "b": (1, 1)}, "r2": {"a": (2, 3)}})
    pairs, counts = made(bundle, {"helpfulness": 1.0, "toxicity": 1.0})
    assert pairs["chosen"].item() == "b"  # 1 and 5 average to 3, 2 and 3 to 2.5
    assert (counts.ratings_dropped["incomplete"], counts.ratings, counts.raters) == (1, 4, 2)


def test_a_pair_whose_comparisons_are_all_tied_is_dropped_and_counted() -> None:
    pairs, counts = made(feedback({"r1": {"a": 3}, "r2": {"b": 3}, "r3": {"b": 3}}))
    assert pairs.empty
    assert (counts.dropped["tied"], counts.even, counts.candidates) == (1, 0, 1)


def test_an_even_split_is_kept_as_a_probability_and_counted() -> None:
    bundle = feedback({"r1": {"a": 5, "b": 1}, "r2": {"a": 2, "b": 4}})
    pairs, counts = made(bundle)
    assert (pairs["p"].item(), counts.even, counts.natural) == (0.5, 1, 1)
    hard = pairs_of(bundle, rows="hard")
    assert hard[["chosen", "rejected", "weight", "p"]].to_numpy().tolist() == [
        ["a", "b", 0.5, 1.0],
        ["b", "a", 0.5, 1.0],
    ]


def test_hard_rows_have_one_row_for_each_direction_and_mass_one() -> None:
    hard = pairs_of(feedback(ACROSS), rows="hard")
    assert hard[["pair", "weight", "p"]].to_numpy().tolist() == [["a>b", 0.875, 1.0], ["b>a", 0.125, 1.0]]
    assert pairs_of(feedback({"r1": {"a": 5, "b": 1}}), rows="hard")["pair"].tolist() == ["a>b"]


@pytest.mark.parametrize(
    ("ties", "chosen"),
    # a is rated 1, 5 (no single mode), b 2, 2, 4: a's mode is 1, 5 or the middle 3 by the rule, b's is 2.
    [("low", "b"), ("high", "a"), ("neutral", "a"), ("drop", None), (None, None)],
)
def test_majority_compares_modes_and_breaks_their_ties_by_the_rule(ties: str | None, chosen: str | None) -> None:
    bundle = feedback({"r1": {"a": 1}, "r2": {"a": 5}, "r3": {"b": 2}, "r4": {"b": 2}, "r5": {"b": 4}})
    pairs, counts = made(bundle, policy="majority", ties=ties)
    assert pairs["chosen"].tolist() == ([chosen] if chosen else [])
    assert (pairs["p"] == 1.0).all()
    assert counts.dropped["no_mode"] == (0 if chosen else 1)


def test_majority_drops_equal_modes_as_tied() -> None:
    pairs, counts = made(feedback({"r1": {"a": 4}, "r2": {"b": 4}, "r3": {"b": 4}}), policy="majority", ties="low")
    assert pairs.empty
    assert counts.dropped["tied"] == 1


def test_majority_of_several_dimensions_averages_the_modes() -> None:
    # Modes: a helpfulness 5, toxicity 4 -> (5 + 2) / 2; b helpfulness 3, toxicity 1 -> (3 + 5) / 2.
    bundle = feedback({"r1": {"a": (5, 4)}, "r2": {"a": (5, 4)}, "r3": {"a": (1, 4)}, "r4": {"b": (3, 1)}})
    pairs = pairs_of(bundle, {"helpfulness": 1.0, "toxicity": 1.0}, policy="majority", ties="drop")
    assert (pairs["chosen"].item(), pairs["n_chosen"].item(), pairs["n_rejected"].item()) == ("b", 1, 3)


def test_a_middle_is_not_to_be_had_on_an_even_scale() -> None:
    bundle = feedback({"r1": {"a": 1}, "r2": {"a": 2}, "r3": {"b": 2}}, points=4)
    with pytest.raises(ConfigError, match=r"scale of 4 points has no middle.*drop, low and high"):
        made(bundle, policy="majority", scale=4, ties="neutral")


def test_raters_weights_weigh_comparisons() -> None:
    # Within raters: r1 (weight 3) for a, r2 (weight 1) for b.
    bundle = feedback({"r1": {"a": 5, "b": 1}, "r2": {"a": 1, "b": 5}}, weights={"r1": 3.0})
    assert pairs_of(bundle)["p"].item() == 0.75
    # Across raters: a is 5 with weight 3 and 1 with weight 1, b is 2.
    bundle = feedback({"r1": {"a": 5}, "r2": {"a": 1}, "r3": {"b": 2}}, weights={"r1": 3.0})
    assert pairs_of(bundle)["p"].item() == 0.75


def test_raters_weights_weigh_modes() -> None:
    bundle = feedback({"r1": {"a": 1}, "r2": {"a": 5}, "r3": {"b": 3}}, weights={"r2": 1.5})
    assert pairs_of(bundle, policy="majority", ties="drop")["chosen"].item() == "a"


def test_raters_of_weight_zero_are_left_out_and_counted() -> None:
    bundle = feedback({"r1": {"a": 5, "b": 1}, "r2": {"a": 1, "b": 5}}, weights={"r2": 0.0})
    pairs, counts = made(bundle)
    assert pairs["p"].item() == 1.0
    assert counts.ratings_dropped["weightless"] == 2


def test_a_negative_weight_is_refused() -> None:
    bundle = feedback({"r1": {"a": 5, "b": 1}}, weights={"r1": -1.0})
    with pytest.raises(DataError, match=r"weight of rater r1 is -1\.0"):
        made(bundle)


def test_the_scale_decides_what_is_a_tie() -> None:
    # 4 and 5 are one on three points; 3 is neither on three points, and left out, low or high on two.
    bundle = feedback({"r1": {"a": 4, "b": 5}, "r2": {"a": 4, "b": 3}})
    assert pairs_of(bundle)["p"].item() == 0.5
    assert pairs_of(bundle, scale=3)["p"].item() == 0.75  # a tie, and a better
    assert pairs_of(bundle, scale=2, neutral="low")["p"].item() == 0.75
    pairs, counts = made(bundle, scale=2, neutral="high")
    assert pairs.empty
    assert counts.dropped["tied"] == 1
    pairs, counts = made(bundle, scale=2, neutral="drop")
    assert pairs.empty
    assert counts.ratings_dropped["neutral"] == 1


def test_only_the_chosen_raters_count() -> None:
    bundle = feedback({"r1": {"a": 5, "b": 1}, "r2": {"a": 1, "b": 5}})
    assert pairs_of(bundle, whose="group == 'odd'")["chosen"].item() == "a"
    assert pairs_of(bundle, whose="group == 'even'")["chosen"].item() == "b"


def test_pairs_that_cannot_be_trained_on_are_dropped_by_reason() -> None:
    ratings: Values = {"r1": {"a": 5, "b": 1, "c": 2, "d": 3, "e": 4}}
    bundle = feedback(
        ratings,
        items=dict.fromkeys("abcdef", "p"),
        text_en=["same", "same ", None, "other", "words", "never rated"],
        review=["approved", "unreviewed", "unreviewed", "rejected", "unreviewed", "unreviewed"],
    )
    pairs, counts = made(bundle)
    # 15 pairs: 5 with d; of the other 10, 4 with c; of the other 6, a and b are the same text, and 3 are with f.
    dropped = {reason: number for reason, number in counts.dropped.items() if number}
    assert dropped == {"rejected": 5, "no_text": 4, "same_text": 1, "unrated": 3}
    assert sorted(pairs["pair"]) == ["a>e", "e>b"]
    assert counts.candidates == 15 == counts.natural + sum(counts.dropped.values())


def test_responses_to_different_prompts_are_never_compared() -> None:
    ratings: Values = {"r1": {"a": 5, "b": 1, "c": 3, "d": 2}}
    pairs = pairs_of(feedback(ratings, items={"a": "p", "b": "q", "c": "p", "d": "q"}))
    assert sorted(pairs["pair"]) == ["a>c", "d>b"]
    assert pairs.set_index("pair")["prompt"].to_dict() == {"a>c": "p", "d>b": "q"}


def test_unknown_dimension_language_and_weight_are_refused() -> None:
    bundle = feedback({"r1": {"a": 5, "b": 1}})
    with pytest.raises(ConfigError, match=r'"kindness", which the study does not have.*helpfulness, toxicity'):
        made(bundle, {"kindness": 1.0})
    with pytest.raises(ConfigError, match=r'"toxicity", of which there are no ratings.*helpfulness'):
        made(bundle, {"toxicity": 1.0})
    with pytest.raises(ConfigError, match="weights must be above 0"):
        made(bundle, {"helpfulness": 0.0})
    with pytest.raises(ConfigError, match=r'no texts in the language "de".*en'):
        make_pairs(bundle, condition(), ON_HELPFULNESS, desirable=DESIRABLE, language="de")
