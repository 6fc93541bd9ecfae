"""Reviews by file: what is left to look at as CSV, to be filled in with any table program and read again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pluralign.corpus import sheets
from pluralign.corpus.review.outcomes import Key
from pluralign.corpus.review.units import Unit
from pluralign.corpus.review.verdicts import Verdict
from pluralign.errors import ConfigError, SchemaError

_KEY = ("kind", "item", "language")
_SHOWN = ("prompt", "source", "doubts", "text")
_FILLED = ("verdict", "severity", "reasons", "note", "correction")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file holds: verdicts with their texts, how many rows are still empty, and rows that cannot be taken,
    each with its line and what is wrong with it.
    """

    verdicts: tuple[tuple[Unit, Verdict], ...]
    empty: int
    refused: tuple[str, ...]


def write_sheet(units: Sequence[Unit], path: Path) -> None:
    """Write the texts as CSV, with columns to fill in."""
    rows = (
        (*unit.key, unit.prompt or "", unit.source or "", "; ".join(unit.doubts), unit.text, *("",) * len(_FILLED))
        for unit in units
    )
    sheets.write(rows, (*_KEY, *_SHOWN, *_FILLED), path)


def read_sheet(path: Path, units: Mapping[Key, Unit]) -> Taken:
    """Read such a file. Rows without a verdict are left for later.

    Raises SchemaError where the file cannot be read or lacks columns; a row that makes no sense is refused by itself.
    """
    verdicts, refused, empty = [], [], 0
    for line, row in _rows(path):
        if not row["verdict"].strip():
            empty += 1
            continue
        try:
            verdicts.append(_verdict(row, units))
        except ConfigError as error:
            refused.append(f"line {line}: {error}")
    return Taken(tuple(verdicts), empty, tuple(refused))


def _verdict(row: Mapping[str, str], units: Mapping[Key, Unit]) -> tuple[Unit, Verdict]:
    unit = units.get((row["kind"], row["item"], row["language"]))
    if unit is None:
        raise ConfigError(f"There is no {row['kind']} {row['item']} in {row['language']}.")
    if sheets.plain(row["text"]) != sheets.plain(unit.text):
        raise ConfigError(
            "The text differs from the corpus, where it has changed since; export anew. "
            "A correction belongs into the column correction."
        )
    reasons = tuple(one for one in re.split(r"[;,\s]+", row["reasons"]) if one)
    severity = row["severity"].strip().lower() or "none"
    return unit, Verdict.checked(
        unit.text, row["verdict"].strip().lower(), severity, reasons, row["note"], row["correction"]
    )


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: there is no such file; a CSV file with reviews was expected there.") from error
    except OSError as error:
        raise SchemaError(f"{path}: the file cannot be read ({error.strerror}). Name the file with reviews.") from error
    return sheets.read(content, (*_KEY, "text", *_FILLED), path)
