"""Groups within groups: counted by hand, named in the models, marked where they are small."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pluralign.errors import DataError
from pluralign.stats.analysis import analyze
from pluralign.stats.example import most_contested, ratings_by_group
from pluralign.stats.intersections import caution, intersections, raters_within_groups
from pluralign.stats.labels import Labels, relabelled
from pluralign.stats.model_frame import model_frame
from tests.stats.small import STUDY, counted, drawn, small_study

LABELS = Labels(small_study(), "en")
WITH_INTERACTION = STUDY.replace("rating ~ gender + politics", "rating ~ gender * politics")


def test_combinations_are_counted_after_merging_with_zeros() -> None:
    found = intersections(counted().raters, LABELS)
    cells = found.set_index(["first_level", "second_level"])["raters"]
    assert len(found) == 3 * 3
    assert cells[("he", "left")] == 1
    assert cells[("she", "centre")] == 1
    assert cells.sum() == 2  # r3 did not say, r4 was not asked
    assert set(found["caution"]) == {"fewer than 20 raters"}


def test_twenty_raters_are_enough() -> None:
    assert (caution(19), caution(20)) == ("fewer than 20 raters", "")


def test_answers_within_a_group_add_up_to_one_hundred() -> None:
    found = raters_within_groups(counted().raters, LABELS)
    she = found[(found["group"] == "gender") & (found["group_level"] == "she")]
    assert she[["level", "raters", "percent"]].to_numpy().tolist() == [["centre", 1, 50.0], ["undeclared", 1, 50.0]]
    by_group = found.groupby(["group", "group_level", "demographic"])["percent"].sum()
    assert by_group.tolist() == pytest.approx([100.0] * len(by_group))


def test_an_interaction_in_the_formula_is_named_counted_and_marked(tmp_path: Path) -> None:
    study = small_study(WITH_INTERACTION)
    feedback = drawn(seed=2, raters=120)
    analysis = analyze(feedback, study, tmp_path, truth={})
    found = analysis.coefficients[analysis.coefficients["demographic"] == "gender:politics"]
    row = found[(found["dimension"] == "toxicity") & (found["level"] == "he:centre")].iloc[0]
    raters = feedback.raters
    assert row["raters"] == ((raters["gender"] == "he") & (raters["politics"] == "centre")).sum()
    assert row["level_label"] == "he/him × centre"
    assert row["demographic_label"] == "Gender × Politics"
    assert (row["reference"], row["caution"] != "") == ("", row["raters"] < 20)
    assert analysis.recovery is not None
    assert "gender:politics" not in set(analysis.recovery["demographic"])
    german = relabelled(found, Labels(study, "de")).iloc[0]
    assert german["level_label"].startswith("er × ")
    assert german["reference_label"] == ""


def test_the_example_is_the_most_polarised_of_the_items_rated_most() -> None:
    table = pd.DataFrame(
        {
            "item": ["a", "b", "c"],
            "dimension": "toxicity",
            "ratings": [10, 9, 3],
            "polarisation": [0.2, 0.4, 1.0],
        }
    )
    assert most_contested(table) == "b"
    assert most_contested(table.iloc[:0]) == ""


def test_the_example_is_counted_by_group_in_the_order_of_the_study() -> None:
    found = ratings_by_group(counted().long_frame(), "i1", LABELS)
    toxicity = found[(found["dimension"] == "toxicity") & (found["demographic"] == "politics")]
    assert toxicity[["level", "value", "ratings"]].to_numpy().tolist() == [
        ["left", 1, 1],
        ["left", 5, 1],
        ["centre", 1, 1],
    ]
    assert set(found["item"]) == {"i1"}


def test_a_combination_without_ratings_is_named_with_what_to_do() -> None:
    with pytest.raises(DataError, match=r"combinations of gender and politics: she and left, he and centre\. Merge"):
        model_frame(counted().long_frame(), small_study(WITH_INTERACTION), "toxicity")
