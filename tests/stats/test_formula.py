"""Formulas: which columns, which random terms."""

from __future__ import annotations

import pytest

from pluralign.errors import ConfigError
from pluralign.stats.formula import Group, parse


@pytest.mark.parametrize(
    ("term", "groups"),
    [
        ("(1 | rater)", [Group(("rater",))]),
        ("(1|a) + (1|b)", [Group(("a",)), Group(("b",))]),
        ("(1 | a:b)", [Group(("a", "b"))]),
        ("(1 | a/b)", [Group(("a",)), Group(("a", "b"))]),
        ("(1 | a/b/c)", [Group(("a",)), Group(("a", "b")), Group(("a", "b", "c"))]),
        ("(1 + x | g)", [Group(("g",), ("1 + x",))]),
        ("(x || g)", [Group(("g",), ("x",), (False,))]),
        ("(1 | g) + (0 + x | g)", [Group(("g",), ("1", "0 + x"), (True, True))]),
        ("(1 + x | g) + (0 + z || g)", [Group(("g",), ("1 + x", "0 + z"), (True, False))]),
    ],
)
def test_random_terms(term: str, groups: list[Group]) -> None:
    assert list(parse(f"rating ~ age + {term}").groups) == groups


def test_columns_are_listed_once_with_the_response_first() -> None:
    found = parse("rating ~ age * gender + (1 + age | rater) + (log(x) || item:topic)")
    assert found.columns[0] == "rating"
    assert sorted(found.columns) == ["age", "gender", "item", "rater", "rating", "topic", "x"]
    assert found.fixed_columns == ("age", "gender")
    assert found.slope_columns == ("age", "x")


def test_plus_signs_in_brackets_do_not_part_terms() -> None:
    found = parse("rating ~ I(age + 2) + C(gender, contr.treatment('she')) + (1 | rater)")
    assert found.fixed_columns == ("age", "gender")


def test_spaces_and_lines_do_not_matter() -> None:
    found = parse("rating ~ age\n   + (1 |\n rater)")
    assert found.text == "rating ~ age + (1 | rater)"
    assert found.groups == (Group(("rater",)),)


def test_random_term_inside_another_is_refused() -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        parse("rating ~ age:(1 | rater)")
