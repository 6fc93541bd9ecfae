"""Counts against a bundle of eleven ratings that can be counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from pluralign.errors import ConfigError, DataError
from pluralign.stats.agreement import krippendorff_alpha
from pluralign.stats.descriptives import (
    items_by_context,
    load,
    raters_by_demographic,
    rating_distribution,
    rating_summary,
)
from pluralign.stats.labels import Labels
from tests.stats.small import counted, small_study, tables

LABELS = Labels(small_study(), "en")


def test_raters_are_counted_in_the_order_of_the_study_with_zeros_and_silence_kept_apart() -> None:
    found = raters_by_demographic(counted().raters, LABELS)
    politics = found[found["demographic"] == "politics"]
    assert list(found.loc[found["demographic"] == "gender", "level_label"]) == [
        "he/him",
        "she/her",
        "they/them",
        "not asked",
    ]
    assert list(found["raters"]) == [1, 2, 0, 1, 1, 1, 1, 0, 1]
    assert list(found["percent"]) == [25, 50, 0, 25, 25, 25, 25, 0, 25]
    assert list(politics["level"])[-1] == "undeclared"


def test_a_demographic_without_a_column_is_not_asked_of_anybody() -> None:
    found = raters_by_demographic(counted().raters.drop(columns="gender"), LABELS)
    asked = found[(found["demographic"] == "gender") & (found["raters"] > 0)]
    assert list(asked["level"]) == ["not asked"]
    assert list(asked["raters"]) == [4]


def test_an_answer_the_study_does_not_list_is_counted_too() -> None:
    raters = counted().raters.assign(gender=["he", "she", "she", "other"])
    found = raters_by_demographic(raters, LABELS)
    assert list(found.loc[found["level"] == "other", "raters"]) == [1]


def test_labels_come_in_the_language_asked_for() -> None:
    found = raters_by_demographic(counted().raters, Labels(small_study(), "de"))
    assert "er" in set(found["level_label"])
    assert "keine Angabe" in set(found["level_label"])


def test_a_language_the_study_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="allowed: en, de"):
        Labels(small_study(), "fr")


def test_the_distribution_has_a_row_for_every_value_and_adds_up_to_one_hundred() -> None:
    found = rating_distribution(counted().ratings, LABELS)
    assert list(found["ratings"]) == [2, 1, 0, 1, 2, 0, 0, 2, 1, 2]
    assert found.loc[5:, "percent"].tolist() == [0, 0, 40, 20, 40]
    assert found.groupby("dimension")["percent"].sum().tolist() == pytest.approx([100, 100])


def test_the_summary_gives_mean_spread_and_what_is_missing() -> None:
    found = rating_summary(counted().ratings, LABELS).set_index("dimension")
    assert list(found.loc["toxicity", ["ratings", "raters", "items", "missing"]]) == [6, 4, 2, 0]
    assert list(found.loc["helpfulness", ["ratings", "raters", "items", "missing"]]) == [5, 4, 2, 1]
    assert found.loc["toxicity", "mean"] == 3.0
    assert found.loc["toxicity", "sd"] == pytest.approx((18 / 5) ** 0.5)
    assert found.loc["helpfulness", "median"] == 4.0
    assert list(found["desirable"]) == ["low", "high"]


def test_responses_are_counted_by_perspective_rated_or_not() -> None:
    feedback = counted()
    found = items_by_context(feedback.items, feedback.ratings, LABELS)
    assert list(found["context_label"]) == ["no instruction", "empathetic person", "not recorded"]
    assert found[["items", "rated", "ratings"]].to_numpy().tolist() == [[1, 1, 8], [1, 1, 3], [1, 0, 0]]


def test_the_load_counts_a_response_once_per_rater() -> None:
    found = load(counted().ratings).set_index("unit")
    assert list(found.loc["raters per item", ["units", "mean", "least", "most"]]) == [2, 3.0, 2, 4]
    assert list(found.loc["items per rater", ["units", "mean", "least", "most"]]) == [4, 1.5, 1, 2]


def test_nothing_to_describe_is_said_not_computed() -> None:
    empty = counted().ratings.iloc[:0]
    with pytest.raises(DataError, match="no ratings"):
        rating_summary(empty, LABELS)
    with pytest.raises(DataError, match="no raters"):
        raters_by_demographic(counted().raters.iloc[:0], LABELS)


def test_alpha_equals_one_where_all_agree_and_names_what_it_rests_on() -> None:
    raters: dict[str, dict[str, str | None]] = {"a": {"gender": "he"}, "b": {"gender": "she"}}
    agreed = [(rater, item, "toxicity", value) for rater in "ab" for item, value in (("i1", 1), ("i2", 4))]
    lonely = [("a", "i3", "toxicity", 5)]
    feedback = tables(agreed + lonely, raters, {"i1": None, "i2": None, "i3": None})
    found = krippendorff_alpha(feedback.ratings, LABELS).iloc[0]
    assert found["alpha"] == pytest.approx(1.0)
    assert (found["items"], found["raters"], found["ratings"]) == (2, 2, 4)


def test_alpha_equals_the_value_computed_from_its_definition() -> None:
    """Three items rated (1, 2), (2, 2), (3, 3): counts of the values are 1, 3, 2.

    Ordinal distances: between 1 and 2 ((1 + 3) / 2)² = 4, between 2 and 3 (5 / 2)² = 6.25, between 1 and 3
    (1/2 + 3 + 2/2)² = 20.25. Observed: one unordered pair (1, 2) of three pairs: 4 / 3. Expected over the 15 pairs of
    six values: (1·3·4 + 3·2·6.25 + 1·2·20.25) / 15 = 90 / 15 = 6.
    """
    values = {"i1": (1, 2), "i2": (2, 2), "i3": (3, 3)}
    ratings = [(rater, item, "toxicity", pair[at]) for item, pair in values.items() for at, rater in enumerate("ab")]
    raters: dict[str, dict[str, str | None]] = {"a": {"gender": "he"}, "b": {"gender": "she"}}
    feedback = tables(ratings, raters, dict.fromkeys(values))
    found = krippendorff_alpha(feedback.ratings, LABELS).iloc[0]
    assert found["alpha"] == pytest.approx(1 - (4 / 3) / 6)


@pytest.mark.parametrize(
    ("values", "note"), [([("a", "i1", 2), ("b", "i1", 2)], "all ratings are equal"), ([("a", "i1", 2)], "no item has")]
)
def test_alpha_is_missing_with_a_reason_where_it_is_not_defined(values: list[tuple[str, str, int]], note: str) -> None:
    raters: dict[str, dict[str, str | None]] = {"a": {"gender": "he"}, "b": {"gender": "she"}}
    feedback = tables([(rater, item, "toxicity", value) for rater, item, value in values], raters, {"i1": None})
    found = krippendorff_alpha(feedback.ratings, LABELS).iloc[0]
    assert pd.isna(found["alpha"])
    assert note in found["note"]
