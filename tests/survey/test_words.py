"""The platform's own texts exist in every language, and templates use no other."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest

from pluralign.errors import ConfigError
from pluralign.survey.database.tables import ENDINGS
from pluralign.survey.rendering import reached_at
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


def test_every_text_is_shown_somewhere() -> None:
    package = Path(str(files("pluralign.survey")))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")) + TEMPLATES)
    named = set(re.findall(r"\bt\.(\w+)", sources)) | set(re.findall(r"[\"'](\w+)[\"']", sources))
    # Headings and texts of messages go by the name of the message, endings and tasks by theirs.
    made = {f"{name}{ending}" for name in named for ending in ("_heading", "_text", "_label")}
    made |= {f"end_{name}{ending}" for name in ENDINGS for ending in ("", "_text")}
    assert not set(words("en")) - named - made


def test_contacts_of_help_lines_become_links() -> None:
    assert reached_at("0800 111 0 111") == "tel:08001110111"
    assert reached_at("+49 (30) 1-2") == "tel:+493012"
    assert reached_at("help@example.org") == "mailto:help@example.org"
    assert reached_at("https://example.org") == "https://example.org"
    assert reached_at("javascript:alert(1)") is None
    assert reached_at("Text HOME to 741741") is None
