"""Disagreement and overlap against values worked out by hand."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pluralign.stats.disagreement import (
    disagreement_by_dimension,
    disagreement_by_item,
    entropy,
    polarisation,
)
from pluralign.stats.labels import Labels
from pluralign.stats.overlap import overlap
from tests.stats.small import counted, small_study, tables

LABELS = Labels(small_study(), "en")
COUNTS = arrays(np.float64, (1, 5), elements=st.integers(0, 30).map(float)).filter(lambda counts: counts.sum() > 0)


def row_of(table: pd.DataFrame, first: str, second: str) -> dict[Hashable, Any]:
    return table[(table["first"] == first) & (table["second"] == second)].to_dict("records")[0]


@pytest.mark.parametrize(
    ("counts", "expected_entropy", "expected_polarisation"),
    [
        ([0, 0, 7, 0, 0], 0.0, 0.0),
        ([4, 0, 0, 0, 4], np.log(2) / np.log(5), 1.0),
        ([2, 2, 2, 2, 2], 1.0, 0.6),  # F = .2 .4 .6 .8: 2 (.2 + .4 + .4 + .2) / 4
        ([0, 3, 3, 0, 0], np.log(2) / np.log(5), 0.25),  # F = 0 .5 1 1: 2 · .5 / 4
        ([3, 1, 0, 0, 0], (0.75 * np.log(4 / 3) + 0.25 * np.log(4)) / np.log(5), 0.125),
    ],
)
def test_both_measures_follow_from_their_definitions(
    counts: list[float], expected_entropy: float, expected_polarisation: float
) -> None:
    row = np.array([counts], dtype=float)
    assert entropy(row)[0] == pytest.approx(expected_entropy)
    assert polarisation(row)[0] == pytest.approx(expected_polarisation)


@given(COUNTS)
def test_both_measures_lie_between_0_and_1_and_do_not_care_which_end_is_which(counts: np.ndarray) -> None:
    for measure in (entropy, polarisation):
        value = measure(counts)[0]
        assert 0 <= value <= 1
        assert measure(counts[:, ::-1])[0] == pytest.approx(value)
        assert measure(3 * counts)[0] == pytest.approx(value)


def test_items_are_counted_with_every_point_of_the_scale() -> None:
    """Toxicity: i1 has 1, 1, 5, 5 and i2 has 2, 4. Helpfulness: i1 has 3, 4, 5, 5; i2 has a single rating."""
    found = disagreement_by_item(counted().ratings, LABELS)
    assert found[["item", "dimension"]].to_numpy().tolist() == [
        ["i1", "toxicity"],
        ["i2", "toxicity"],
        ["i1", "helpfulness"],
    ]
    first = found.iloc[0]
    assert first[["n_1", "n_2", "n_3", "n_4", "n_5"]].tolist() == [2, 0, 0, 0, 2]
    assert (first["mean"], first["polarisation"]) == (3.0, 1.0)
    assert first["sd"] == pytest.approx((16 / 3) ** 0.5)


def test_dimensions_are_summed_up_with_their_most_contested_item() -> None:
    found = disagreement_by_dimension(disagreement_by_item(counted().ratings, LABELS)).set_index("dimension")
    toxicity = found.loc["toxicity"]
    assert (toxicity["items"], toxicity["most_contested"], toxicity["contested"]) == (2, "i1", 2)
    assert toxicity["polarisation"] == pytest.approx((1 + 0.5) / 2)
    assert found.loc["helpfulness", "unanimous"] == 0


def test_without_an_item_rated_twice_there_is_nothing_to_sum_up() -> None:
    feedback = tables([("a", "i1", "toxicity", 2)], {"a": {"gender": "he"}}, {"i1": None})
    table = disagreement_by_item(feedback.ratings, LABELS)
    assert table.empty
    assert disagreement_by_dimension(table).empty


def test_overlap_counts_values_above_the_middle_given_by_one_rater_to_one_item() -> None:
    """Rated on both: r1-i1 (1, 3), r1-i2 (2, 3), r2-i1 (1, 4), r3-i1 (5, 5), r4-i1 (5, 5)."""
    found = overlap(counted().ratings, LABELS)
    both = row_of(found, "toxicity", "helpfulness")
    assert (both["both"], both["rated"], both["percent"]) == (2, 5, 40.0)
    assert both["expected"] == pytest.approx(100 * 2 / 5 * 3 / 5)
    alone = row_of(found, "toxicity", "toxicity")
    assert (alone["both"], alone["rated"]) == (3, 6)
    turned = row_of(found, "helpfulness", "toxicity")
    assert [turned[name] for name in ("both", "rated", "percent", "low", "high", "expected")] == [
        both[name] for name in ("both", "rated", "percent", "low", "high", "expected")
    ]


def test_the_interval_of_an_overlap_is_that_of_the_binomial_where_raters_rate_once() -> None:
    """40 of 100, one response per rater: Wald on the logit scale with n - 1, √(100/99 / (100 · .4 · .6)) = .2051."""
    raters: dict[str, dict[str, str | None]] = {f"r{number}": {"gender": "he"} for number in range(100)}
    ratings = [
        (f"r{number}", "i1", dimension, 5 if number < 40 else 1)
        for number in range(100)
        for dimension in ("toxicity", "helpfulness")
    ]
    row = overlap(tables(ratings, raters, {"i1": None}).ratings, LABELS).iloc[1]
    reach = 1.959964 * (100 / 99 / 24) ** 0.5
    centre = np.log(0.4 / 0.6)
    assert row["low"] == pytest.approx(100 / (1 + np.exp(-(centre - reach))), rel=1e-6)
    assert row["high"] == pytest.approx(100 / (1 + np.exp(-(centre + reach))), rel=1e-6)


def test_raters_who_repeat_themselves_widen_the_interval() -> None:
    raters: dict[str, dict[str, str | None]] = {f"r{number}": {"gender": "he"} for number in range(40)}
    ratings = [
        (f"r{number}", f"i{item}", dimension, 5 if number < 16 else 1)
        for number in range(40)
        for item in range(5)
        for dimension in ("toxicity", "helpfulness")
    ]
    contexts: dict[str, str | None] = {f"i{item}": None for item in range(5)}
    once = overlap(tables([row for row in ratings if row[1] == "i0"], raters, contexts).ratings, LABELS).iloc[1]
    five_times = overlap(tables(ratings, raters, contexts).ratings, LABELS).iloc[1]
    assert five_times["high"] - five_times["low"] == pytest.approx(once["high"] - once["low"])


def test_an_overlap_that_never_occurs_has_no_interval() -> None:
    ratings = [("a", "i1", "toxicity", 1), ("a", "i1", "helpfulness", 5), ("b", "i1", "toxicity", 1)]
    feedback = tables(ratings, {"a": {"gender": "he"}, "b": {"gender": "she"}}, {"i1": None})
    row = overlap(feedback.ratings, LABELS).iloc[1]
    assert (row["both"], row["percent"]) == (0, 0.0)
    assert pd.isna(row["low"])
