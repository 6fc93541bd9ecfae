"""The platform's own texts: buttons, headings, errors. What a study says itself stands in its study file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from pluralign.errors import ConfigError

Words = Mapping[str, str]
BUILT_IN = ("en", "de")


@cache
def words(language: str, folder: Path | None = None) -> Words:
    """The interface texts of a language: built in, or from ``interface-<language>.yaml`` in ``folder``.

    Raises ConfigError where there are none, or some are missing, and names them.
    """
    english = _read(files(__package__).joinpath("en.yaml").read_text(encoding="utf-8"), "en.yaml")
    if language in BUILT_IN:
        return _read(files(__package__).joinpath(f"{language}.yaml").read_text(encoding="utf-8"), f"{language}.yaml")
    path = (folder or Path()) / f"interface-{language}.yaml"
    if not path.is_file():
        raise ConfigError(
            f'The pages have no interface texts in "{language}"; built in: {", ".join(BUILT_IN)}. Put a translation of '
            f"pluralign's words/en.yaml at {path}."
        )
    own = _read(path.read_text(encoding="utf-8"), str(path))
    if missing := sorted(set(english) - set(own)):
        raise ConfigError(f"{path}: these texts are missing: {', '.join(missing)}. Add them.")
    return own


def _read(text: str, where: str) -> Words:
    content = yaml.safe_load(text)
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise ConfigError(f"{where}: must hold one text per key, such as `next: Next`.")
    return {str(key): value for key, value in content.items()}
