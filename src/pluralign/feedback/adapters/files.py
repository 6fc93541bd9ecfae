"""Reading data files as they come, every row with the line it begins on, so that messages can name it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.errors import SchemaError

LINE = "line"
"""Name of the index of every frame read here."""


def read_csv(path: Path, needed: Sequence[str] = (), delimiter: str = ",") -> pd.DataFrame:
    """The rows of a CSV file with a header (UTF-8, possibly gzipped), all cells as text, indexed by line.

    Raises SchemaError where the file is absent, damaged or cut off, where a row has not as many cells as the header,
    or where one of the ``needed`` columns is missing.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True, delimiter=delimiter)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        header = next(reader, [])
        _check_header(header, path, needed)
        line = reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise SchemaError(
                        f"{path}, line {line}: this row has {len(row)} cells and the header {len(header)}; the file is "
                        "cut off, or a cell with a comma or line break lacks its quotes. Export it again."
                    )
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise SchemaError(
            f"{path}, line {line}: this is not well-formed CSV ({error}). The file may be cut off; export it again."
        ) from None
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name=LINE), dtype=object)


def read_json_lines(path: Path, needed: Sequence[str] = ()) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file (UTF-8, possibly gzipped), each with its line.

    Raises SchemaError as `read_csv` does, and where a line is no JSON object or lacks one of the ``needed`` keys.
    """
    found = []
    for line, text in enumerate(_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise SchemaError(
                f"{path}, line {line}: this is not JSON ({error.msg} at character {error.pos + 1}). The file may be "
                "cut off; export it again."
            ) from None
        if not isinstance(content, dict):
            raise SchemaError(f"{path}, line {line}: a JSON object was expected; found {type(content).__name__}.")
        _complain(path, line, [key for key in needed if key not in content], content)
        found.append((line, content))
    if not found:
        raise SchemaError(f"{path}: the file is empty. Export it again.")
    return found


def one_of(folder: Path, names: Iterable[str]) -> Path:
    """The first of the files ``names``, plain or gzipped, that lies in ``folder``; SchemaError where none does."""
    wanted = [candidate for name in names for candidate in (name, f"{name}.gz")]
    if not folder.is_dir():
        raise SchemaError(f"{folder}: there is no such folder; the folder that holds {wanted[0]} was expected.")
    for name in wanted:
        if (folder / name).is_file():
            return folder / name
    raise SchemaError(f"{folder}: none of the files {', '.join(wanted)} is there. Give the folder that holds them.")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise SchemaError(f"{path}: there is no such file. Check the path.") from None
    except IsADirectoryError:
        raise SchemaError(f"{path}: this is a folder; a file was expected.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SchemaError(f"{path}: the file is damaged or incomplete ({error}). Fetch or export it again.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SchemaError(f"{path}, line {line}: the text is not UTF-8. Save the file as UTF-8.") from None


def _check_header(header: list[str], path: Path, needed: Sequence[str]) -> None:
    if not header:
        raise SchemaError(f"{path}: the file is empty; a first line with the names of the columns was expected.")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise SchemaError(f"{path}, line 1: the column {twice[0]} stands there twice. Rename or remove one.")
    _complain(path, 1, [name for name in needed if name not in header], header)


def _complain(path: Path, line: int, missing: list[str], found: Iterable[str]) -> None:
    if missing:
        raise SchemaError(
            f"{path}, line {line}: {', '.join(missing)} is missing; found {', '.join(found)}. Check that this is the "
            "file meant."
        )
