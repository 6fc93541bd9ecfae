"""Pieces of work for tests of engines: cheap, and importable in another process without much else."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from pluralign.folder import StudyFolder
from pluralign.progress import SILENT, Progress
from pluralign.training.engines.workers import Workers
from pluralign.training.materials import Materials


def told(task: str, _: Materials, progress: Progress) -> tuple[str, int, str | None]:
    """What a worker knows of itself; beside it something that a library may print."""
    print("printed by a library")
    progress.say(f"at {task}")
    progress.advance(2, note=task)
    return task, os.getpid(), os.environ.get("OMP_NUM_THREADS")


def at_times_fatal(task: str, *_: Any) -> str:
    """The task itself, if the process survives it."""
    match task:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "ended":
            os.write(2, b"Fatal: the accelerator fell off\n")
            os._exit(3)
        case "wrong":
            raise ZeroDivisionError("by chance")
    return task


def everlasting(task: str, *_: Any) -> None:
    """Leave the process's number in the folder and be busy for a long time."""
    (Path(task) / str(os.getpid())).touch()
    time.sleep(600)


def outcomes(work: Any, tasks: list[str], folder: Path, at_once: int, progress: Progress = SILENT) -> dict[str, Any]:
    """The result of each task."""
    place = StudyFolder(folder)
    engine = Workers(place, at_once)
    try:
        return dict(engine.each(work, tasks, Materials(place), progress))
    finally:
        engine.close()
