"""Texts out to human translators and in again, as CSV or XLIFF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pluralign.corpus import sheets
from pluralign.corpus.translation import xliff
from pluralign.corpus.translation.jobs import Job, Key
from pluralign.errors import ConfigError, SchemaError
from pluralign.storage import atomic_write

_COLUMNS = ("kind", "key", "context", "source", "target")
_NEEDED = ("kind", "key", "source", "target")
_XLIFF = (".xlf", ".xliff")
FORMATS = (".csv", *_XLIFF)


@dataclass(frozen=True, slots=True)
class Row:
    """One text as a file has it; ``where`` names the place in the file."""

    where: str
    kind: str
    key: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Translations that can be taken, how many are still empty, and those that cannot (``where, kind, key, reason,
    source, target``).
    """

    texts: Mapping[Key, str]
    empty: int
    refused: pd.DataFrame


def export(jobs: Sequence[Job], languages: tuple[str, str], path: Path, *, version: str = "1.2") -> None:
    """Write the jobs for translators: CSV, or XLIFF 1.2 or 2.0 (``version``) for translation programs, by the file's
    name. Translations that are there already are in it, to be improved.

    Raises ConfigError for another kind of file, DataError for a text that XML cannot hold.
    """
    suffix = _format(path)
    if suffix == ".csv":
        rows = ((job.kind, job.key, job.context or "", job.text, job.present or "") for job in jobs)
        sheets.write(rows, _COLUMNS, path)
    else:
        atomic_write(path, xliff.written(jobs, languages, version))


def read(path: Path, languages: tuple[str, str]) -> list[Row]:
    """The rows of such a file.

    Raises SchemaError where it cannot be read, and for a file that says it is of other languages.
    """
    suffix = _format(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SchemaError(f"{path}: the file cannot be read ({error.strerror}). Name the translators' file.") from error
    if suffix in _XLIFF:
        return [
            Row(f"unit {one.name}", *_split(one.name), one.source, one.target)
            for one in xliff.read(content, path, languages)
        ]
    return [
        Row(f"line {line}", row["kind"], row["key"], row["source"], row["target"])
        for line, row in sheets.read(content, _NEEDED, path)
    ]


def match(rows: Sequence[Row], jobs: Sequence[Job]) -> Imported:
    """Compare what came back with the corpus. ``jobs`` are all texts that can be translated.

    A row is refused where there is no such text, the source differs from the corpus (it has changed since, or the row
    slipped), or the same text is there with another translation before.
    """
    known = {(job.kind, job.key): job for job in jobs}
    texts: dict[Key, str] = {}
    refused = []
    empty = 0
    for row in rows:
        key, target = (row.kind, row.key), sheets.plain(row.target)
        job = known.get(key)
        if job is None:
            reason = "there is no such text to translate"
        elif sheets.plain(row.source) != sheets.plain(job.text):
            reason = "the source differs from the corpus"
        elif texts.get(key, target) != target:
            reason = "translated twice, differently"
        elif not target:
            empty += 1
            continue
        else:
            texts[key] = target
            continue
        refused.append((row.where, row.kind, row.key, reason, row.source, row.target))
    columns = ["where", "kind", "key", "reason", "source", "target"]
    return Imported(texts, empty, pd.DataFrame(refused, columns=columns))


def _format(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError(f"{path}: the name of the file must end with one of {', '.join(FORMATS)}.")
    return suffix


def _split(name: str) -> tuple[str, str]:
    kind, _, key = name.partition(":")
    return kind, key
