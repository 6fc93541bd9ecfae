"""CSV files that people fill in with a table program: written with a mark that such programs know, read forgivingly."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from pluralign.errors import SchemaError
from pluralign.storage import atomic_write

_SEPARATORS = ",;\t"  # table programs write their language's own


def write(rows: Iterable[Sequence[str]], columns: Sequence[str], path: Path) -> None:
    """Write a sheet as UTF-8; the mark at its beginning tells table programs so."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    atomic_write(path, "\ufeff" + buffer.getvalue())


def read(content: bytes, columns: Sequence[str], path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a sheet that holds ``columns`` at least, each with the line on which it begins; cells that a row
    lacks are empty. ``path`` is for messages.

    Raises SchemaError where it is not UTF-8, breaks off inside quotation marks or lacks a column.
    """
    text = _decoded(content, path)
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=header.count), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        missing = [name for name in columns if name not in names]
        if missing:
            found = ", ".join(names) or "nothing"
            raise SchemaError(f"{path}: there is no column {', '.join(missing)}; found {found}. Keep the header.")
        rows = []
        began = reader.line_num + 1
        for fields in reader:
            if fields:
                rows.append((began, dict.fromkeys(names, "") | dict(zip(names, fields, strict=False))))
            began = reader.line_num + 1
    except csv.Error as error:
        raise SchemaError(
            f"{path}: the CSV breaks off in line {reader.line_num} ({error}). Check the quotation marks there."
        ) from error
    return rows


def plain(text: str) -> str:
    """A cell without what table programs change in it: ends of lines, and blanks around the text."""
    return text.replace("\r\n", "\n").strip()


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SchemaError(f"{path}: line {line} is not UTF-8 text. Save the file as CSV UTF-8.") from error
