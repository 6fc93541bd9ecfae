"""Whose ratings count: groups, random halves, weights, and how few raters are too few."""

from __future__ import annotations

import pytest

from pluralign.errors import DataError
from pluralign.feedback import Feedback
from pluralign.preferences.selection import selected
from tests.preferences.examples import condition, feedback

BUNDLE = feedback({f"r{number:02}": {"a": 1 + number % 5, "b": 3} for number in range(21)})


def raters_of(bundle: Feedback, salt: str = "s", **settings: object) -> set[str]:
    chosen = selected(bundle, condition(**settings), None, salt)
    assert set(chosen.ratings["rater"]) == set(chosen.raters["rater"])
    return set(chosen.raters["rater"])


def test_halves_are_disjoint_complete_and_equally_large() -> None:
    first, second = raters_of(BUNDLE, half="first"), raters_of(BUNDLE, half="second")
    assert not first & second
    assert first | second == raters_of(BUNDLE)
    assert (len(first), len(second)) == (10, 11)


def test_halves_differ_between_experiments_and_not_between_calls() -> None:
    assert raters_of(BUNDLE, half="first") == raters_of(BUNDLE, half="first")
    assert len({frozenset(raters_of(BUNDLE, salt, half="first")) for salt in "abcdef"}) > 3


def test_halves_are_those_of_the_group() -> None:
    first, second = (raters_of(BUNDLE, half=half, whose="group == 'odd'") for half in ("first", "second"))
    assert first | second == raters_of(BUNDLE, whose="group == 'odd'")
    assert abs(len(first) - len(second)) <= 1


def test_halves_split_the_raters_who_rated() -> None:
    unrated = BUNDLE.ratings["rater"] > "r11"
    bundle = Feedback(BUNDLE.prompts, BUNDLE.items, BUNDLE.raters, BUNDLE.ratings[~unrated].reset_index(drop=True), 5)
    assert [len(raters_of(bundle, half=half)) for half in ("first", "second")] == [6, 6]


def test_too_few_raters_are_refused() -> None:
    with pytest.raises(DataError, match=r"come from 10 raters, fewer than the 11 that `min_raters` asks for"):
        raters_of(BUNDLE, half="first", min_raters=11)


def test_equal_weights_replace_those_of_the_raters() -> None:
    bundle = feedback({"r1": {"a": 1}, "r2": {"a": 2}}, weights={"r1": 4.0})
    assert selected(bundle, condition(), None, "").raters["weight"].tolist() == [4.0, 1.0]
    assert selected(bundle, condition(weights="equal"), None, "").raters["weight"].tolist() == [1.0, 1.0]
