"""What is printed instead of keys and codes: the study's own words in one language."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pluralign.errors import ConfigError
from pluralign.study import UNDECLARED, Study

CONTEXT = "context"
"""The perspective under which a response was generated; in a formula it is named among the demographics."""

NOT_ASKED = "not asked"
"""Level of raters for whom the data hold nothing on a demographic."""

_DEMOGRAPHICS = {
    "de": {
        "age": "Alter",
        "country": "Land",
        "education": "Bildung",
        "ethnicity": "Herkunft",
        "gender": "Geschlecht",
        "language": "Sprache",
        "occupation": "Beschäftigung",
        "party": "Partei",
        "political_spectrum": "Politische Haltung",
        "race": "Herkunft",
        "religion": "Religion",
    }
}
"""Short names of common demographics where the key itself would be in the wrong language."""

_TIMES = " × "
_CONTEXT_WORDS = {"en": "Perspective", "de": "Perspektive"}

_UNDECLARED_WORDS = {"en": "prefer not to say", "de": "keine Angabe"}
_NOT_ASKED_WORDS = {"en": "not asked", "de": "nicht gefragt"}


@dataclass(frozen=True, slots=True)
class Labels:
    """The study's labels in one language; ConfigError where the study does not have the language."""

    study: Study
    language: str

    def __post_init__(self) -> None:
        if self.language not in self.study.languages:
            raise ConfigError(
                f'The study has no language "{self.language}"; allowed: {", ".join(self.study.languages)}.'
            )

    def dimension(self, key: str) -> str:
        """Label of a dimension; the key itself where ratings name one the study does not have."""
        known = {dimension.key: dimension.label[self.language] for dimension in self.study.dimensions}
        return known.get(key, humanise(key))

    def context(self, key: str) -> str:
        """Label of a perspective; the key itself where the study does not have it."""
        known = {context.key: context.label[self.language] for context in self.study.contexts}
        return known.get(key, humanise(key))

    def demographic(self, key: str) -> str:
        """Short name of a demographic, from its key: questions are too long for tables. ``a:b`` is an interaction."""
        if ":" in key:
            return _TIMES.join(self.demographic(part) for part in key.split(":"))
        if key == CONTEXT:
            return _in_language(_CONTEXT_WORDS, self.language)
        return _DEMOGRAPHICS.get(self.language.partition("-")[0], {}).get(key, humanise(key))

    def level(self, demographic: str, code: str) -> str:
        """Label of an answer, or of a merged group of answers: the labels it takes in, joined."""
        if demographic == CONTEXT:
            return self.context(code)
        special = {UNDECLARED: _UNDECLARED_WORDS, NOT_ASKED: _NOT_ASKED_WORDS}.get(code)
        if special is not None:
            return _in_language(special, self.language)
        asked = self.study.demographic(demographic)
        options = {option.code: option.label[self.language] for option in asked.options}
        return options.get(code, code)

    def merged_level(self, demographic: str, code: str) -> str:
        """Label of a level after the demographic's merges: the labels of all codes it takes in, joined."""
        taken = self.study.demographic(demographic).merges.get(code)
        return " / ".join(self.level(demographic, old) for old in taken) if taken else self.level(demographic, code)

    def level_in_model(self, demographic: str, code: str) -> str:
        """Label of a level as the study's model has it: merged where the study merges the demographic."""
        merges = demographic in self.study.analysis.merges
        return self.merged_level(demographic, code) if merges else self.level(demographic, code)

    def term(self, demographic: str, code: str) -> str:
        """Label of a level in the model; of a combination of levels where both are such, as in ``a:b``."""
        parts = zip(demographic.split(":"), code.split(":"), strict=True)
        return _TIMES.join(self.level_in_model(one, level) for one, level in parts)

    def category(self, category: int) -> str:
        """Label of a category of the study's model, from 1: the labels of all scale values it takes in, joined."""
        joined = self.study.analysis.categories
        values = joined[category - 1] if joined else (category,)
        return " / ".join(self.value(value) for value in values)

    def value(self, value: int) -> str:
        """Label of a scale value, from 1."""
        labels = self.study.scale.labels
        return labels[value - 1][self.language] if 1 <= value <= len(labels) else str(value)


def relabelled(table: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """A table of coefficients or of recovery with its labels in the language of ``labels``, from the keys in it."""

    def named(row: Mapping[Hashable, Any], what: str) -> str:
        demographic, code = str(row["demographic"]), str(row[what])
        if not demographic or not code:
            return str(row[f"{what}_label"])
        return labels.term(demographic, code)

    rows = table.to_dict("records")
    return table.assign(
        dimension_label=[labels.dimension(str(row["dimension"])) for row in rows],
        demographic_label=[labels.demographic(str(row["demographic"])) for row in rows],
        level_label=[named(row, "level") for row in rows],
        reference_label=[named(row, "reference") for row in rows],
    )


def humanise(key: str) -> str:
    """``political_spectrum`` as ``Political spectrum``."""
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _in_language(words: Mapping[str, str], language: str) -> str:
    return words.get(language.partition("-")[0], words["en"])
