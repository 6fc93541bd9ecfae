"""The report's own words, by language. Labels of dimensions, answers and conditions come from the study file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts by key in one of ``LANGUAGES``. Calling it gives the text of a key with its gaps filled."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)

    def known(self, key: str, otherwise: str) -> str:
        """The text of a key that may be absent."""
        return self.texts.get(key, otherwise)


@cache
def wording(language: str) -> Wording:
    """The wording for a study in ``language``: German where that is German, English for every other language."""
    spoken = language.partition("-")[0]
    chosen = spoken if spoken in LANGUAGES else LANGUAGES[0]
    text = files("pluralign.report").joinpath("wording", f"{chosen}.yaml").read_text(encoding="utf-8")
    return Wording(chosen, MappingProxyType(dict(_flat(yaml.safe_load(text)))))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for key, value in tree.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", str(value))]
    return found
