"""``log.jsonl``: one line for each step of the optimiser, and one for what went wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pluralign.storage import atomic_write

FILE = "log.jsonl"


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of the log of the run in ``folder``; a line cut off by a kill is left out."""
    file = folder / FILE
    if not file.is_file():
        return []
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


def rewind(folder: Path, step: int) -> None:
    """Forget what the log says about later steps than ``step``, which are going to be done again."""
    kept = [line for line in read_log(folder) if line["step"] <= step and "error" not in line]
    atomic_write(folder / FILE, "".join(_line(line) for line in kept))


def append(folder: Path, line: dict[str, Any]) -> None:
    """Add a line, which must have a ``step``."""
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(_line(line))


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True) + "\n"
