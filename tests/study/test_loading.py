"""Mistakes inside the parts of a study file are told with line, what was found and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.errors import ConfigError
from pluralign.study import load, parse
from tests.study.small import SMALL, line_of, mistake, mistakes, small

WRONG_VALUES = [
    ("desirable: low", "desirable: lwo", 'dimensions[0].desirable is "lwo"; did you mean "low"? allowed: high, low.'),
    ("desirable: low", "desirable: never", 'dimensions[0].desirable is "never"; allowed: high, low.'),
    ("version: 1", "version: 2", "version is 2; allowed: 1."),
    ("name: small", "name: Big Study", 'name is "Big Study"; expected small letters, digits and -, beginning with'),
    ("key: country", "key: my-land", 'demographics[0].key is "my-land"; expected small letters, digits and _,'),
    ("wanted: 3", 'wanted: "3"', 'attention_checks[0].wanted is "3"; a whole number was expected.'),
    ("wanted: 3", "wanted: true", "attention_checks[0].wanted is true; a whole number was expected."),
    ("raters: 10", "raters: 0", "simulation.raters is 0; it must be 1 or more."),
    ("raters: 10", "raters: 1.5", "simulation.raters is 1.5; a whole number was expected."),
    ("red: 5,", "red: -5,", "simulation.margins.party.red is -5; it must be 0 or more."),
    ("de: 0.5", "de: high", 'simulation.effects.toxicity.country.de is "high"; a number was expected.'),
    ("de: 0.5", "de: .inf", "simulation.effects.toxicity.country.de is Infinity; a finite number was expected."),
    ("reference: us", "reference: 7", "demographics[0].reference is 7; text was expected; put it in quotes"),
    ("{en: Rude., de: Grob.}", "Rude.", 'dimensions[0].definition is "Rude."; a mapping (key: value) was expected.'),
    ("en: Rude.", 'en: " "', 'dimensions[0].definition.en is " "; expected text that is not empty.'),
    ("en: Rude.", "en:", "dimensions[0].definition.en is empty; text was expected"),
    ("options: [1, 3]", "options: 1", "attention_checks[0].options is 1; a list was expected."),
    ("options: [1, 3]", "options: [3]", "attention_checks[0].options is a list; it needs at least 2, and has 1."),
    ("target: 100", "target: 100\n  pay: {amount: 0, currency: USD, minutes: 1}", "must be above 0."),
    ("target: 100", "target: 100\n  pay: {amount: 1, currency: usd, minutes: 1}", "three capital letters such as USD."),
    ("policy: preserve", "policy: preserved", 'did you mean "preserve"? allowed: preserve, majority, mean'),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG_VALUES)
def test_a_wrong_value_is_told_with_its_line_and_what_is_allowed(old: str, new: str, told: str) -> None:
    message = mistake(old, new)
    line = line_of(old) + new.count("\n")
    assert message.startswith(f"study.yaml, line {line}: ")
    assert told in message


def test_an_unknown_key_is_told_with_the_nearest_known_one() -> None:
    message = mistake("    desirable: low", "    desirable: low\n    desireable: low")
    assert message.startswith(
        'study.yaml, line 8: dimensions[0].desireable is not a key here; did you mean "desirable"?'
    )


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        ("{key: three,", "{key: three, polcy: x,", "key, policy, scale"),
        ("{steps: 7}", "{stepps: 7}", "model, language"),
        ("platform: open", "platform: open\n  plattform: open", "platform, target"),
        ("raters: 50}", "raters: 50, raterz: 1}", "where, raters"),
        ("name: small", "name: small\nnom: x", "version, name, title"),
    ],
)
def test_known_keys_are_those_of_the_part_the_unknown_key_stands_in(old: str, new: str, known: str) -> None:
    assert f"allowed: {known}" in mistake(old, new)


def test_a_missing_key_is_told_with_the_line_of_the_part_that_lacks_it() -> None:
    message = mistake("    desirable: high\n", "")
    assert message == f"study.yaml, line {line_of('  - key: helpfulness')}: dimensions[1].desirable is missing; add it."


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = (
        SMALL.replace("raters: 10", "raters: x").replace("desirable: low", "desirable: x").replace("de: 0.5", "de: x")
    )
    lines = [int(message.split("line ")[1].split(":")[0]) for message in mistakes(text)]
    assert lines == [line_of("desirable: low"), line_of("raters: 10"), line_of("de: 0.5")]


def test_more_than_ten_mistakes_are_counted() -> None:
    told = mistakes(SMALL + "".join(f"unknown{number}: 1\n" for number in range(13)))
    assert len(told) == 11
    assert told[-1] == "study.yaml: and 3 more mistakes."


def test_a_list_whose_entries_are_wrong_is_not_called_too_short_as_well() -> None:
    text = SMALL.replace("desirable: low", "desirable: x").replace("desirable: high", "desirable: x")
    assert len(mistakes(text)) == 2


def test_a_wrong_language_is_not_told_a_second_time_as_that_of_training() -> None:
    assert "languages[0]" in mistake("languages: [en, de]", "languages: [English, de]")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "line 1: a study file is a mapping (key: value); this is empty."),
        ("- 1", "line 1: a study file is a mapping (key: value); this is a list."),
        ("text", 'line 1: a study file is a mapping (key: value); this is "text".'),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(content: str, told: str) -> None:
    assert mistakes(content) == [f"study.yaml, {told}"]


def test_load_reads_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(SMALL, encoding="utf-8-sig")
    assert load(path) == small()


def test_load_names_the_file_in_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.yaml").write_text("version: 1\nversion: 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^.*/study\.yaml, line 1: name is missing"):
        load(tmp_path / "study.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^study\.yaml, line 1: name is missing"):
        load(tmp_path / "study.yaml")


def test_load_tells_what_to_do_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file.*pluralign init"):
        load(tmp_path / "study.yaml")


def test_load_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)


def test_load_refuses_another_encoding_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(b"version: 1\nname: Stra\xdfe\n")
    with pytest.raises(ConfigError, match="line 2: the file is not UTF-8"):
        load(path)


def test_parse_names_the_place_it_is_given() -> None:
    with pytest.raises(ConfigError, match=r"^the template, line 1"):
        parse("- 1", "the template")
