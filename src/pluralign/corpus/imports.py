"""Prompts from a CSV or JSON Lines file: checked line by line, without repeats, split into train and held-out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.feedback.hashing import chosen
from pluralign.records import PROMPTS, check

Row = dict[str, str]

_JSON_LINES = (".jsonl", ".ndjson")
_SEPARATORS = (",", ";", "\t")
_OPTIONAL = ("prompt", "source", "licence", "topics", "split")


def read_prompts(path: Path, *, language: str, held_out: float, seed: int) -> tuple[pd.DataFrame, dict[str, int]]:
    """The prompts in a file as a table (``records.PROMPTS``), and how many rows were left out, by reason.

    A CSV file has a header and commas, semicolons or tabs between its columns; a JSON Lines file (``.jsonl``,
    ``.ndjson``) has an object per line whose values are texts. Both are UTF-8. The column ``text_<language>``, or
    ``text`` for short, is needed. Optional are texts in other languages (``text_de``), ``prompt`` (an identifier; else
    one is made of the text), ``source`` (else the name of the file), ``licence`` (else "not stated"), ``topics``
    (separated by semicolons) and ``split`` (``train`` or ``held-out``).

    Without a column ``split`` each prompt is held out with probability ``held_out``, decided by a hash of ``seed`` and
    its identifier: it stays on its side when prompts are added or their order changes. Rows without text and exact
    repeats of an earlier text are left out and counted; spaces around a text do not count.

    Raises SchemaError where the file is absent, not UTF-8, or has a broken line, an unknown or missing column, or one
    identifier for different texts; ConfigError where ``held_out`` is not a share; DataError where no prompt is left.
    """
    if not 0 <= held_out < 1:
        raise ConfigError(f"held-out is {held_out}; it is a share of the prompts, from 0 up to but not including 1.")
    text = _decoded(path)
    rows = list(_json_rows(text, path) if path.suffix.lower() in _JSON_LINES else _csv_rows(text, path))
    wanted = f"text_{language}"
    table = _table(rows, wanted, path)
    with_text = table.loc[table[wanted].notna()]
    kept = with_text.loc[~with_text.duplicated(wanted)].reset_index(drop=True)
    if kept.empty:
        raise DataError(f"{path}: there is no prompt with text in {language!r} among {len(rows)} rows. Add one.")
    dropped = {f"without text in {language}": len(table) - len(with_text), "repeats": len(with_text) - len(kept)}
    return check(_completed(kept, wanted, path, held_out, seed), PROMPTS, str(path)), dropped


def _decoded(path: Path) -> str:
    if not path.is_file():
        raise SchemaError(f"{path}: there is no such file; a CSV or JSON Lines file with prompts was expected there.")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        broken = [number for number, line in enumerate(content.split(b"\n"), 1) if not _is_utf8(line)]
        raise SchemaError(
            f"{path}: {_lines(broken)} not UTF-8 text, the first is line {broken[0]}. Save the file "
            "with the encoding UTF-8."
        ) from None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    header = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    broken: list[int] = []
    rows: list[Row] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SchemaError(f"{path}: column {', '.join(repeated)} is there more than once. Remove or rename one.")
        began = reader.line_num + 1
        for fields in reader:
            if fields and len(fields) != len(names):
                broken.append(began)
            elif fields:
                rows.append(dict(zip(names, fields, strict=True)))
            began = reader.line_num + 1
    except csv.Error as error:
        raise SchemaError(
            f"{path}: the CSV breaks off in line {reader.line_num} ({error}). Check the quotation marks there; one "
            "inside a text is written twice."
        ) from error
    if broken:
        raise SchemaError(
            f"{path}: {_lines(broken)} without the {len(names)} columns of the header, the first is line {broken[0]}. "
            "Put texts that contain separators into quotation marks."
        )
    if not rows:
        raise DataError(f"{path}: there are no rows below the header. Add prompts, one a row.")
    yield from rows


def _json_rows(text: str, path: Path) -> Iterator[Row]:
    broken: list[int] = []
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = _json_row(line)
        if row is None:
            broken.append(number)
        else:
            rows.append(row)
    if broken:
        raise SchemaError(
            f"{path}: {_lines(broken)} no JSON object of texts, the first is line {broken[0]}. Each line needs one, "
            'such as {"text": "How do I ask for a raise?"}.'
        )
    if not rows:
        raise DataError(f"{path}: the file is empty. Add prompts, a JSON object a line.")
    yield from rows


def _json_row(line: str) -> Row | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not all(value is None or isinstance(value, str) for value in content.values()):
        return None
    return {name: value or "" for name, value in content.items()}


def _table(rows: list[Row], wanted: str, path: Path) -> pd.DataFrame:
    """The rows with texts stripped, empty ones null, and ``text`` under its full name; columns checked."""
    table = pd.DataFrame(rows, dtype=object)
    if "text" in table.columns and wanted in table.columns:
        raise SchemaError(f"{path}: both text and {wanted} are there and mean the same. Remove one.")
    table = table.rename(columns={"text": wanted})
    found = ", ".join(str(name) for name in table.columns)
    if wanted not in table.columns:
        raise SchemaError(f"{path}: there is no column text or {wanted}; found {found}. Name the prompts' column so.")
    unknown = [name for name in table.columns if name not in _OPTIONAL and not name.startswith("text_")]
    if unknown:
        raise SchemaError(
            f"{path}: unknown column {', '.join(unknown)}; allowed are text, text_<language>, {', '.join(_OPTIONAL)}. "
            "Rename or remove it."
        )
    for name in table.columns:
        stripped = table[name].str.strip()
        table[name] = stripped.where(stripped.notna() & (stripped != ""), None)
    return table


def _completed(kept: pd.DataFrame, wanted: str, path: Path, held_out: float, seed: int) -> pd.DataFrame:
    defaults: dict[str, object] = {
        "prompt": kept[wanted].map(_identifier),
        "source": path.name,
        "licence": "not stated",
        "topics": "",
    }
    for name, value in defaults.items():
        given = kept.get(name, pd.Series(None, index=kept.index, dtype=object))
        kept[name] = given.where(given.notna(), value)
    if "split" not in kept.columns:
        aside = chosen(kept["prompt"], held_out, seed, "held-out")
        kept["split"] = np.where(aside, "held-out", "train")
    return kept


def _identifier(text: str) -> str:
    return f"p-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _lines(numbers: list[int]) -> str:
    return "1 line is" if len(numbers) == 1 else f"{len(numbers)} lines are"
