"""Replacing several files of a folder at once, so that a set of tables never mixes two origins.

The new set is written into a folder beside, the old folder is renamed away, the new one takes its name, and whatever
else lay in the old folder is moved over. A process that dies in between leaves a folder from which `recover` finishes
or undoes the replacement.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pluralign.errors import PluralignError

TABLES = ("prompts", "items", "raters", "ratings")
TRUTH = "truth.json"
_OWNED = {TRUTH, *(f"{name}{suffix}" for name in TABLES for suffix in (".parquet", ".manifest.json"))}


def replace_set(folder: Path, write: Callable[[Path], None]) -> None:
    """Make ``folder`` hold the files that ``write`` puts into the empty folder it is given.

    Of what stood there, only the tables, their manifests and ``truth.json`` are removed. On any error or interruption
    before the new set is complete, ``folder`` is as it was. Raises PluralignError where nothing can be written.
    """
    new, old = _beside(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        recover(folder)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        try:
            write(new)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            recover(folder)
    except OSError as error:
        raise PluralignError(
            f"{folder}: could not be written ({error.strerror or error}). Make room or choose another place; what "
            "stood there before is unchanged."
        ) from error


def recover(folder: Path) -> None:
    """Finish or undo a replacement of ``folder`` that was interrupted; nothing happens where there was none."""
    _, old = _beside(folder)
    if not old.is_dir():
        return
    if not folder.exists():
        old.rename(folder)
        return
    for entry in old.iterdir():
        if entry.name not in _OWNED and not (folder / entry.name).exists():
            entry.rename(folder / entry.name)
    shutil.rmtree(old)


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
