"""Runs that failed: what is kept of them, and how they are told of when everything else is done."""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pluralign.errors import ConvergenceError, PluralignError, UnfinishedError
from pluralign.storage import write_json
from pluralign.training.grid import RunKey
from pluralign.wording import counted

if TYPE_CHECKING:
    from pluralign.training.results import RunResult

FILE = "failed.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has no result; ``reason`` says what is wrong and how to mend it."""

    key: RunKey
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """What ended a piece of work, in a form that can be told to another process; ``where`` is the traceback of what
    nobody foresaw. ``anew``: going on from the last checkpoint would only end in the same.
    """

    reason: str
    kind: str
    where: str = ""
    anew: bool = False


class RunsFailedError(UnfinishedError):
    """Raised when all runs were tried and some failed; ``results`` are those of the others."""

    def __init__(self, failures: Sequence[Failure], results: Sequence[RunResult]) -> None:
        super().__init__(_told(failures, len(results)))
        self.failures = tuple(failures)
        self.results = tuple(results)


def trouble_of(error: Exception) -> Trouble:
    """What to tell of ``error``."""
    foreseen = isinstance(error, PluralignError) or is_out_of_memory(error) or is_left_alone(error) or is_full(error)
    where = "" if foreseen else "".join(traceback.format_exception(error))
    return Trouble(_reason(error), type(error).__name__, where, begins_anew(error))


def write_failure(folder: Path, failure: Failure, where: str = "") -> None:
    """Keep the failure in the run's folder; the traceback too where there is one."""
    content = {"run": str(failure.key), "reason": failure.reason, "kind": failure.kind}
    write_json({**content, "traceback": where} if where else content, folder / FILE)


def read_failure(folder: Path) -> dict[str, str] | None:
    """What `write_failure` has written to the run's folder; None where there is nothing that can be read."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "reason" in content else None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory of the machine or of an accelerator was not enough."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )


def is_full(error: Exception) -> bool:
    """Whether no room was left on the disk. Libraries say so in errors of every kind, torch without the reason."""
    text = str(error).lower()
    return any(sign in text for sign in ("no space left on device", "failed writing file", "unexpected pos"))


def is_left_alone(error: Exception) -> bool:
    """Whether another of the processes that do a run together has ended or cannot be reached."""
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("gloo" in text or "nccl" in text) and not is_out_of_memory(error)


def _reason(error: Exception) -> str:
    if is_out_of_memory(error):
        return "Out of memory. Halve training.batch_size or training.max_length, or choose a smaller model."
    if isinstance(error, PluralignError):
        return str(error)
    if is_full(error):
        return "The disk is full. Make room and run the same command again; it goes on from the last checkpoint."
    if is_left_alone(error):
        return (
            "Another process of this run has ended, perhaps for lack of memory. Run the same command again; it goes on "
            "from the last checkpoint."
        )
    first = (str(error).splitlines() or [""])[0]
    return f"Something unforeseen went wrong ({type(error).__name__}: {first}); {FILE} in its folder says where."


def _told(failures: Sequence[Failure], done: int) -> str:
    """One line per reason, which many runs may share."""
    runs: dict[str, list[str]] = {}
    for failure in failures:
        runs.setdefault(failure.reason, []).append(str(failure.key))
    number = counted(len(failures), "run")
    others = (
        "; there is no other" if not done else f"; the other {done} finished" if done > 1 else "; the other finished"
    )
    lines = [f"{number} failed{others}. The same command tries again what failed."]
    for reason, keys in runs.items():
        named = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
        lines.append(f"  {named}: {reason}")
    return "\n".join(lines)


def begins_anew(error: Exception) -> bool:
    """Whether going on from the last checkpoint would only end in the same failure."""
    passing = isinstance(error, PluralignError) or is_left_alone(error) or is_full(error)
    return isinstance(error, ConvergenceError) or not passing
