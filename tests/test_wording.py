"""Numbers and their nouns."""

from __future__ import annotations

import pytest

from pluralign.wording import counted


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (counted(1, "rating"), "1 rating"),
        (counted(0, "rating"), "0 ratings"),
        (counted(2000, "rating"), "2,000 ratings"),
        (counted(2, "reply", "replies"), "2 replies"),
        (counted(1, "reply", "replies"), "1 reply"),
    ],
)
def test_a_number_takes_its_noun_with_it(said: str, expected: str) -> None:
    assert said == expected
