"""Checkpoints of an unfinished run: only complete ones are ever used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pluralign.storage import atomic_write

_PREFIX = "checkpoint-"
_COMPLETE = "complete"


def mark_complete(checkpoint: Path) -> None:
    """State that every file of ``checkpoint`` is on the disk, then remove the earlier checkpoints beside it.

    A process may be killed while it writes; a checkpoint without this mark is not used.
    """
    for file in checkpoint.iterdir():
        with file.open("rb") as content:
            os.fsync(content.fileno())
    atomic_write(checkpoint / _COMPLETE, "")
    for other in checkpoint.parent.glob(f"{_PREFIX}*"):
        if other != checkpoint:
            shutil.rmtree(other)


def latest(folder: Path) -> Path | None:
    """The complete checkpoint with most steps in ``folder``, None where there is none; others are removed."""
    complete: list[Path] = []
    for checkpoint in folder.glob(f"{_PREFIX}*"):
        if (checkpoint / _COMPLETE).is_file():
            complete.append(checkpoint)
        else:
            shutil.rmtree(checkpoint)
    return max(complete, key=steps_of, default=None)


def steps_of(checkpoint: Path) -> int:
    """Steps of the optimiser done at that checkpoint."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def interval(steps: int) -> int:
    """Steps between checkpoints: four in a short run, every fiftieth step of a long one."""
    return max(1, min(50, steps // 4))
