"""Mistakes in a study file: where they are and what is said about them."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where something stands in the study file: keys of mappings and positions in lists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its path and a phrase that goes on from it, such as ``is "hihg"; allowed: high, low``."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{dotted(self.path)} {self.message}.".lstrip()


class MistakesError(ValueError):
    """Raised while a study is checked, with all mistakes at once; ``load`` and ``parse`` make it a ConfigError."""

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__(" ".join(str(problem) for problem in found))
        self.found = tuple(found)


def dotted(path: Path) -> str:
    """The path as it is written in messages: ``dimensions[2].desirable``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" for part in path)
    return text.removeprefix(".")


def _plain(key: str) -> str:
    return key if key.isprintable() and len(key) <= 60 else shown(key)


def shown(value: object) -> str:
    """A value as it is written in messages, shortened."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, ensure_ascii=isinstance(value, str) and not value.isprintable())
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


def not_among(path: Path, value: object, allowed: Iterable[object], what: str = "allowed", verb: str = "is") -> Problem:
    """The problem of a value that is none of the allowed ones, with the nearest of them where one is near."""
    names = [str(name) for name in allowed]
    near = difflib.get_close_matches(str(value), names, n=1)
    guess = f'; did you mean "{near[0]}"?' if near else ";"
    listed = ", ".join(names) or "none"
    return Problem(path, f"{verb} {shown(value)}{guess} {what}: {listed}")


def repeated(path: Path, values: Sequence[object], field: str | None = None) -> Iterator[Problem]:
    """A problem for every value that came before."""
    counts = Counter[object]()
    for index, value in enumerate(values):
        counts[value] += 1
        if counts[value] == 2:
            where = (*path, index) if field is None else (*path, index, field)
            yield Problem(where, f"is {shown(value)} a second time; each must be different")
