"""The simulated quality of a response: a stated function of its text, for one dimension and language.

Simulated raters rate texts, not item numbers: a judge trained on their ratings can then generalise to new texts, and
tuning on them can be seen to work. The function counts words of the lists in ``lexicons/``: each word once, however
often it stands there, and in a long text per `USUAL_WORDS`, so that neither repetition nor length alone pays. It knows
no negation, irony or grammar, and says nothing about how people would rate the text.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files

import yaml

LANGUAGES = ("en", "de")
"""The languages for which there are word lists."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one feature adds to a quality: ``weight`` times a saturation that reaches one half at ``half`` hits.

    Hits are different words or phrases of the feature's list; see `_hits` for the features that have none.
    """

    feature: str
    weight: float
    half: float


QUALITIES: Mapping[str, tuple[Part, ...]] = {
    "emotional_awareness": (
        Part("feelings", 0.5, 2.0),
        Part("support", 0.3, 1.0),
        Part("address", 0.2, 2.0),
        Part("insults", -0.3, 1.0),
    ),
    "sensitivity": (
        Part("openness", 0.5, 2.0),
        Part("encouragement", 0.5, 1.5),
        Part("harshness", -0.3, 2.0),
    ),
    "toxicity": (
        Part("insults", 0.6, 1.0),
        Part("harshness", 0.4, 1.5),
        Part("respect", -0.3, 1.5),
    ),
    "stereotypical_bias": (
        Part("generalisations", 1.0, 1.5),
        Part("fairness", -0.4, 1.0),
    ),
    "helpfulness": (
        Part("words", 0.4, 25.0),
        Part("steps", 0.4, 1.5),
        Part("complete", 0.2, 0.5),
        Part("refusal", -0.6, 0.5),
    ),
}
"""The dimensions with a quality of their own. Dimensions and languages without lists get arbitrary word weights."""

USUAL_WORDS = 50
"""Hits in texts of more words than this are counted per so many words."""

_NEAR = 6  # words between a group and a trait that count as saying one of the other
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?:\s|$)")
_COMPLETE = re.compile(r"[.!?…][\"'”“»)\]*]*\s*$")


def quality(text: str, dimension: str, language: str) -> float:
    """Quality of a response's text on a dimension, in no particular unit; higher means rated higher.

    For the dimensions of `QUALITIES` in English and German it is a weighted sum of saturating counts, between about
    -0.6 and 1. Elsewhere every word has an arbitrary but fixed weight, so that a study with other dimensions or
    languages can be simulated too.
    """
    base = language.partition("-")[0].lower()
    text = text.lower().replace("’", "'")
    if dimension not in QUALITIES or base not in LANGUAGES:
        return _arbitrary(text, dimension, base)
    parts = QUALITIES[dimension]
    scale = min(1.0, USUAL_WORDS / max(1, len(_WORD.findall(text))))
    return sum(part.weight * _saturation(_hits(part.feature, text, base) * scale / part.half) for part in parts)


@lru_cache(maxsize=1)
def definition() -> str:
    """SHA-256 of everything `quality` depends on but its arguments: lists, parts, distances."""
    lists = {language: lexicon(language) for language in LANGUAGES}
    parts = {dimension: [asdict(part) for part in parts] for dimension, parts in QUALITIES.items()}
    return hashlib.sha256(json.dumps([lists, parts, USUAL_WORDS, _NEAR], sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=len(LANGUAGES))
def lexicon(language: str) -> Mapping[str, list[str]]:
    """The word lists of a language, by feature."""
    text = files("pluralign.feedback").joinpath("lexicons", f"{language}.yaml").read_text(encoding="utf-8")
    lists: dict[str, list[str]] = yaml.safe_load(text)
    return lists


def _saturation(halves: float) -> float:
    return 1.0 - float(2.0**-halves)


def _hits(feature: str, text: str, language: str) -> int:
    """Number of different hits of a feature: words of its list, all words, a sentence's end, generalisations."""
    if feature == "words":
        return len(set(_WORD.findall(text)))
    if feature == "complete":
        return int(bool(_COMPLETE.search(text)))
    if feature == "generalisations":
        return sum(_generalisations(sentence, language) for sentence in _SENTENCE_END.split(text))
    return len(set(_pattern(feature, language).findall(text)))


def _generalisations(sentence: str, language: str) -> int:
    """Mentions of a group that have a trait within a few words of the same sentence."""
    starts = [match.start() for match in _WORD.finditer(sentence)]
    groups, traits = (
        [bisect_left(starts, match.start()) for match in _pattern(name, language).finditer(sentence)]
        for name in ("groups", "traits")
    )
    return sum(any(abs(group - trait) <= _NEAR for trait in traits) for group in groups)


@lru_cache(maxsize=64)
def _pattern(feature: str, language: str) -> re.Pattern[str]:
    # Longest first, so that "should not" is one hit and not also "should".
    entries = sorted(lexicon(language)[feature], key=len, reverse=True)
    alternatives = (re.escape(entry).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for entry in entries)
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)")


def _arbitrary(text: str, dimension: str, language: str) -> float:
    words = set(_WORD.findall(text))
    if not words:
        return 0.0
    return sum(_weight(word, dimension, language) for word in sorted(words)) / math.sqrt(len(words))


@lru_cache(maxsize=100_000)
def _weight(word: str, dimension: str, language: str) -> float:
    digest = hashlib.sha256(f"{dimension}\x1f{language}\x1f{word}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**63 - 1.0
