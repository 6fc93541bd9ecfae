from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.feedback.quality import LANGUAGES, QUALITIES, definition, lexicon, quality

LISTLESS = {"words", "complete", "generalisations"}

WARM = {
    "en": "I understand how sad you must feel. Take your time; I am here for you.",
    "de": "Ich verstehe, wie traurig du dich fühlst. Nimm dir Zeit; ich bin für dich da.",
}
COLD = {
    "en": "The rent is due on the third of the month.",
    "de": "Die Miete ist am dritten Tag des Monats fällig.",
}
EXAMPLES = {
    "toxicity": {"en": "You are a pathetic loser. Shut up.", "de": "Du bist ein erbärmlicher Versager. Halt den Mund."},
    "stereotypical_bias": {
        "en": "Women are naturally weak and men are born to lead.",
        "de": "Frauen sind von Natur aus schwach und Männer sind zum Führen geboren.",
    },
    "sensitivity": {
        "en": "Perhaps you can explore different perspectives; trust yourself and grow.",
        "de": "Vielleicht hilft eine andere Perspektive; hab Vertrauen, du kannst daran wachsen.",
    },
    "helpfulness": {
        "en": "First write down what you earn, then compare it with others, for example online.",
        "de": "Zuerst schreib auf, was du verdienst, dann vergleiche es, zum Beispiel im Netz.",
    },
    "emotional_awareness": WARM,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("dimension", sorted(QUALITIES))
def test_a_text_that_shows_the_dimension_is_above_one_that_does_not(dimension: str, language: str) -> None:
    shown, not_shown = EXAMPLES[dimension][language], COLD[language]
    assert quality(shown, dimension, language) > quality(not_shown, dimension, language) + 0.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_repeating_a_text_does_not_raise_what_depends_on_its_words(language: str) -> None:
    for dimension in ("emotional_awareness", "sensitivity", "toxicity", "helpfulness"):
        once = EXAMPLES[dimension][language]
        assert quality(" ".join([once] * 20), dimension, language) < quality(once, dimension, language)


def test_length_without_content_does_not_pay() -> None:
    filler = " ".join(f"word{number}" for number in range(200))
    for dimension in ("emotional_awareness", "sensitivity", "toxicity", "stereotypical_bias"):
        assert quality(filler, dimension, "en") == 0.0
    padded = WARM["en"] + " " + filler
    assert quality(padded, "emotional_awareness", "en") < quality(WARM["en"], "emotional_awareness", "en")


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(max_size=300), st.sampled_from(sorted(QUALITIES)), st.sampled_from([*LANGUAGES, "de-AT"]))
def test_quality_is_bounded(text: str, dimension: str, language: str) -> None:
    weights = [part.weight for part in QUALITIES[dimension]]
    lowest = sum(weight for weight in weights if weight < 0)
    assert lowest <= quality(text, dimension, language) <= 1.0


def test_a_generalisation_needs_group_and_trait_in_one_sentence() -> None:
    assert quality("Women are weak.", "stereotypical_bias", "en") > 0
    assert quality("Women came. The signal was weak.", "stereotypical_bias", "en") == 0.0
    assert (
        quality("Women came by train and brought the signal which turned out weak.", "stereotypical_bias", "en") == 0.0
    )


def test_typographic_apostrophes_count_as_plain_ones() -> None:
    assert quality("You’re heard.", "emotional_awareness", "en") == quality(
        "You're heard.", "emotional_awareness", "en"
    )


@pytest.mark.parametrize(("dimension", "language"), [("humour", "en"), ("toxicity", "fr")])
def test_dimensions_and_languages_without_lists_still_tell_texts_apart(dimension: str, language: str) -> None:
    values = {quality(text, dimension, language) for text in ("Bonjour madame", "Au revoir monsieur", "Peut-être")}
    assert len(values) == 3
    assert quality("", dimension, language) == 0.0
    assert all(abs(value) < 2 for value in values)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lists_hold_usable_entries_for_every_feature(language: str) -> None:
    lists = lexicon(language)
    features = {part.feature for parts in QUALITIES.values() for part in parts} - LISTLESS
    assert set(lists) == features | {"groups", "traits"}
    for name, entries in lists.items():
        assert all(isinstance(entry, str) for entry in entries), name
        assert all(re.fullmatch(r"[\w' ,]+\*?(?: [\w']+\*?)*", entry) and entry == entry.lower() for entry in entries)
        assert len(set(entries)) == len(entries), name


def test_the_definition_is_one_digest() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", definition())
