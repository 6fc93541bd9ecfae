"""Agreement within groups and between them, against the library and against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pluralign.stats.agreement import agreement_by_group, krippendorff_alpha, ordinal_distances
from pluralign.stats.labels import Labels
from tests.stats.small import drawn, small_study, tables

LABELS = Labels(small_study(), "en")


def groups(ratings: list[tuple[str, str, int]], men: str = "ab") -> pd.DataFrame:
    """Agreement of men and women who gave these ratings of toxicity."""
    people: dict[str, dict[str, str | None]] = {
        rater: {"gender": "he" if rater in men else "she", "politics": "centre"} for rater, _, _ in ratings
    }
    items: dict[str, str | None] = dict.fromkeys(sorted({item for _, item, _ in ratings}))
    rows = [(rater, item, "toxicity", value) for rater, item, value in ratings]
    found = agreement_by_group(tables(rows, people, items).long_frame(), LABELS)
    return found[found["demographic"] == "gender"].set_index(["level", "other"])


def test_distances_are_differences_of_mid_ranks() -> None:
    """Counts 1, 3, 2: between 1 and 2 ((1 + 3) / 2)², between 2 and 3 (5 / 2)², between 1 and 3 (1/2 + 3 + 2/2)²."""
    found = ordinal_distances(np.array([1.0, 3.0, 2.0]))
    assert found[0].tolist() == [0.0, 4.0, 20.25]
    assert found[1, 2] == 6.25
    assert (found == found.T).all()


def test_between_groups_every_pair_of_ratings_of_an_item_counts() -> None:
    """Men: i1 1, i2 3. Women: i1 1, i2 5. Frequencies 2, 1, 1, so mid-ranks 1, 2.5, 3.5.

    Observed over the two pairs: (0 + 1) / 2. Expected over all four: (0 + 2.5² + 1.5² + 1²) / 4 = 9.5 / 4.
    """
    found = groups([("a", "i1", 1), ("a", "i2", 3), ("c", "i1", 1), ("c", "i2", 5)])
    assert found["alpha"][("he", "she")] == pytest.approx(1 - (1 / 2) / (9.5 / 4))
    assert (found["pairs"][("he", "she")], found["items"][("he", "she")]) == (2, 2)
    assert found["kind"][("he", "she")] == "between"
    assert np.isnan(found["alpha"][("he", "he")])  # no item has ratings of two men


def test_groups_that_agree_among_themselves_but_not_with_each_other_are_told_apart() -> None:
    ratings = [(rater, item, value) for rater in "ab" for item, value in (("i1", 1), ("i2", 5), ("i3", 1), ("i4", 5))]
    ratings += [(rater, item, value) for rater in "cd" for item, value in (("i1", 5), ("i2", 1), ("i3", 5), ("i4", 1))]
    found = groups(ratings)
    assert found["alpha"][("he", "he")] == pytest.approx(1.0)
    assert found["alpha"][("she", "she")] == pytest.approx(1.0)
    assert found["alpha"][("he", "she")] == pytest.approx(-1.0)


def test_within_a_group_of_everybody_it_is_the_plain_alpha() -> None:
    feedback = drawn(seed=1, raters=60)
    everybody = feedback.long_frame().assign(gender="he")
    found = agreement_by_group(everybody, LABELS)
    within = found[(found["demographic"] == "gender") & (found["dimension"] == "toxicity")]
    plain = krippendorff_alpha(feedback.ratings, LABELS).set_index("dimension")["alpha"]
    assert within["alpha"].tolist() == pytest.approx([plain["toxicity"]])


def test_merged_levels_are_groups_and_silence_is_none() -> None:
    feedback = drawn(seed=2, raters=60)
    long = feedback.long_frame()
    long.loc[long["politics"] == "conservative", "politics"] = "undeclared"
    found = agreement_by_group(long, LABELS)
    politics = found[found["demographic"] == "politics"]
    assert set(politics["level"]) == {"left", "centre"}
    assert len(politics) == 2 * 3


def test_chance_is_zero_on_average() -> None:
    rng = np.random.default_rng(3)
    values = [
        groups([(rater, f"i{item}", int(rng.integers(1, 6))) for rater in "abcd" for item in range(30)])["alpha"]
        for _ in range(20)
    ]
    between = np.mean([one[("he", "she")] for one in values])
    assert abs(between) < 0.08
