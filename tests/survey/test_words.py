"""The platform's own texts exist in every language, and templates use no other."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest

from pluralign.errors import ConfigError
from pluralign.survey.words import BUILT_IN, words

TEMPLATES = sorted(Path(str(files("pluralign.survey").joinpath("templates"))).rglob("*.html"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", BUILT_IN)
def test_every_text_exists_with_the_same_placeholders(language: str) -> None:
    english, other = words("en"), words(language)
    assert english.keys() == other.keys()
    for key, text in english.items():
        assert placeholders(text) == placeholders(other[key]), key
        assert other[key].strip()


def test_templates_use_only_texts_that_exist() -> None:
    used = {name for path in TEMPLATES for name in re.findall(r"\bt\.(\w+)", path.read_text(encoding="utf-8"))}
    assert len(used) > 20
    assert used <= set(words("en"))


def test_german_speaks_to_people_in_one_form_of_address() -> None:
    formal = re.compile(r"\b(Sie|Ihr|Ihre|Ihnen|Ihrem|Ihren)\b")
    assert not [text for text in words("de").values() if formal.search(text)]


def test_templates_hold_no_inline_script_or_style() -> None:
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", text), path


def test_another_language_comes_from_the_study_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"interface-fr\.yaml"):
        words("fr", tmp_path)
    (tmp_path / "interface-fr.yaml").write_text("next: Suivant\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"missing: .*withdraw"):
        words("fr", tmp_path)
