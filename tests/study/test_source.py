"""YAML is read by the rules of YAML 1.2, and every refusal names a line."""

from __future__ import annotations

from typing import Any

import pytest

from pluralign.study.source import SourceError, read_yaml


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("", None),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("007", 7),
        ("1:30", "1:30"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e-4", 1e-4),
        ("1.0e-4", 1e-4),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("2024-01-31", "2024-01-31"),
        ("18-30", "18-30"),
        ("60+", "60+"),
        ("'12'", "12"),
        ("=", "="),
    ],
)
def test_plain_values_are_what_editors_take_them_for(written: str, value: Any) -> None:
    data = read_yaml(f"key: {written}").data
    assert data is not None
    found = data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_always_text() -> None:
    assert read_yaml("{no: 1, 60: 2, true: 3}").data == {"no": 1, "60": 2, "true": 3}


def test_lines_are_those_of_keys_and_entries() -> None:
    source = read_yaml("a:\n  b: >-\n    long\n    text\n  c:\n    - 1\n    - {d: 2,\n       e: 3}\n")
    assert source.line(("a", "b")) == 2
    assert source.line(("a", "c", 1)) == 7
    assert source.line(("a", "c", 1, "e")) == 8


def test_the_line_of_what_is_not_there_is_that_of_what_is_around_it() -> None:
    source = read_yaml("a: 1\nb:\n  c: 1\n")
    assert source.line(("b", "missing", 3)) == 2
    assert source.line(("missing",)) == 1


def test_a_key_given_twice_is_a_mistake_with_both_lines() -> None:
    source = read_yaml("a:\n  b: 1\n  c: 2\n  b: 3\n")
    (problem,) = source.problems
    assert str(problem) == "a.b stands twice, first on line 2; keep one of them."
    assert source.line(problem.path) == 4


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab indents this line"),
        ("a: 1\nb: {en: Where?, de: Wo?}\n", 2, "needs quotes around it"),
        ("a: 1\nb: {whose: x in ['y']}\n", 2, "needs quotes around it"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "look also at line 2"),
        ("a: 1\n b: 2\n", 2, "this is not YAML"),
        ("a: 1\nb: 'open\n", 3, "look also at line 2"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: &x 1\n", 1, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "tags"),
        ("a: 1\n[1, 2]: 3\n", 2, "a list or mapping cannot be a key"),
        ("a: 1\nb: \x07\n", 2, "a character that YAML does not allow"),
        ("a: 1\nb: " + "9" * 5000, 2, "a number of 5000 digits"),
        ("[" * 20000, 1, "nested too deeply"),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(SourceError, match=told) as caught:
        read_yaml(text)
    assert caught.value.line == line
