"""Ratings by text: what each rater read, and what is left out."""

from __future__ import annotations

import pytest

from pluralign.evaluation.ratings import rated_texts, read_ratings
from pluralign.feedback import Feedback
from tests.feedback import examples


def bundle() -> Feedback:
    items = examples.items(text_de=["Ja.", None, "Ich höre zu."])
    return Feedback.of(examples.prompts(), items, examples.raters(), examples.ratings(), points=5)


def test_raters_read_their_own_language_where_there_is_a_text_in_it() -> None:
    rows = read_ratings(bundle(), "en").set_index(["rater", "item"])
    assert rows.loc[("r1", "a"), "text"] == "Yes, of course."
    # r3 reads German: b has no German text, c has; r4's language is not known.
    assert tuple(rows.loc[("r3", "b"), ["language", "text"]]) == ("en", "No.")
    assert tuple(rows.loc[("r3", "c"), ["language", "text"]]) == ("de", "Ich höre zu.")
    assert tuple(rows.loc[("r4", "c"), ["language", "text"]]) == ("en", "I hear you.")


def test_counts_hold_each_rating_once_with_its_raters_weight() -> None:
    rated = rated_texts(read_ratings(bundle(), "en"), "toxicity", 5)
    assert rated.texts["item"].tolist() == ["a", "b"]
    # a: r1 (weight 1) gave 1, r2 (weight 0.5) gave 3; b: r1 gave 2, r3 (weight 2) gave 4.
    assert rated.counts.tolist() == [[1, 0, 0.5, 0, 0], [0, 1, 0, 2, 0]]
    assert rated.means == pytest.approx([(1 + 1.5) / 1.5, (2 + 8) / 3])
    assert (rated.raters, rated.ratings) == (3, 4)
    assert rated.groups.tolist() == [0, 0]


def test_unreadable_texts_and_weightless_raters_are_left_out() -> None:
    items = examples.items(text_en=["Yes, of course.", "...", "I hear you."])
    raters = examples.raters(weight=[1.0, 0.0, 2.0, 1.0])
    feedback = Feedback.of(examples.prompts(), items, raters, examples.ratings(), points=5)
    rows = read_ratings(feedback, "en")
    assert set(zip(rows["rater"], rows["item"], strict=True)) == {("r1", "a"), ("r3", "c"), ("r4", "c")}


def test_a_dimension_without_ratings_has_no_texts() -> None:
    rated = rated_texts(read_ratings(bundle(), "en"), "bias", 5)
    assert (len(rated.texts), rated.ratings, rated.counts.shape) == (0, 0, (0, 5))


def test_ratings_are_left_out_where_neither_the_raters_language_nor_the_default_has_a_text() -> None:
    rows = read_ratings(bundle(), "fr")
    assert set(zip(rows["rater"], rows["item"], strict=True)) == {("r1", "a"), ("r1", "b"), ("r2", "a"), ("r3", "c")}
