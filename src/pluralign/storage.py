"""Writing files so that nobody ever sees half of one: write beside, then rename."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralign.errors import PluralignError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; rename it to ``path`` when the block ends well, remove it otherwise.

    Raises PluralignError where the disk is full or the place cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Processes on two machines that write to one folder may have the same number.
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except OSError as error:
        raise PluralignError(
            f"{path}: could not be written ({error.strerror or error}). Make room or choose another place; what "
            "stood there before is unchanged."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) to ``path`` by renaming."""
    with atomic_path(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(value: Any, path: Path) -> None:
    """Write ``value`` as indented JSON with sorted keys, so that equal values give equal bytes."""
    atomic_write(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write ``frame`` as CSV (UTF-8, header, no index)."""
    atomic_write(path, csv_of(frame))


def csv_of(frame: pd.DataFrame) -> str:
    """What `write_csv` writes."""
    return str(frame.to_csv(index=False, lineterminator="\n"))
