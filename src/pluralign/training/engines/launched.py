"""What a launcher starts: one of the processes that do a run together.

``python -m pluralign.training.engines.launched PLACE``: the order lies in that folder, and the answer is put there.
Without an order, the answer is how many processes there are and whether they divide models among themselves.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import stat
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from pluralign.errors import PluralignError
from pluralign.progress import SILENT, Progress, Silent
from pluralign.storage import atomic_write
from pluralign.training.engines import processes
from pluralign.training.engines.engine import attempt
from pluralign.training.engines.launch import ANSWER, ORDER, STEPS, Order
from pluralign.training.failures import Trouble
from pluralign.training.materials import Materials
from pluralign.training.reference import log_probs
from pluralign.training.work import Scoring, score

_FSDP = "ACCELERATE_USE_FSDP"
# Seconds in which the main process does what is to be done after a failure.
_GRACE = 5


def main(place: Path) -> int:
    """Do this process's part; the exit code."""
    end_with_the_parent()
    # Launchers tell every process these two; without one, this process is alone.
    number, rank = (int(os.environ.get(name, default)) for name, default in (("WORLD_SIZE", "1"), ("RANK", "0")))
    if not (place / ORDER).exists():
        if rank == 0:
            atomic_write(place / ANSWER, json.dumps(_asked(number)))
        return 0
    # Models are divided as they are loaded, not a second time by the trainer.
    os.environ.pop(_FSDP, None)
    order: Order = pickle.loads((place / ORDER).read_bytes())
    materials = Materials(order.folder, order.parts)
    found = attempt(part, order, materials, _Written(place / STEPS) if rank == 0 else SILENT)
    failed = isinstance(found, Trouble)
    if (failed or rank == 0) and not (place / ANSWER).exists():
        # What goes wrong first is told: it ends the connections of the others.
        atomic_write(place / ANSWER, pickle.dumps(found))
    processes.part_ways()
    if failed and rank > 0:
        # A launcher kills all when one has failed: the main process may still have to put the run away.
        time.sleep(_GRACE)
    return int(failed)


def part(order: Order, materials: Materials, progress: Progress) -> list[Any]:
    """This process's part of the work; PluralignError where there are not as many processes as ordered."""
    # Makes the processes known to each other, and gives each its device.
    import_module("accelerate").PartialState(cpu=_device(order) == "cpu")
    if processes.number() != order.processes:
        raise PluralignError(
            f"The launcher started {processes.number()} processes that know of each other, not {order.processes} as "
            "before. Give it a fixed number of processes."
        )
    work = score_together if order.work is score else order.work
    return [work(task, materials, progress) for task in order.tasks]


def score_together(task: Scoring, materials: Materials, progress: Progress) -> list[float]:
    """As `work.score`, each process some of the responses; they are kept on the disk.

    A model that is divided is read by all processes at once, so all read as many responses.
    """
    import torch.distributed as together

    number, mine = processes.number(), task.answers[processes.rank() :: processes.number()]
    share = math.ceil(len(task.answers) / number)
    with materials.base(task.run) as (model, _):
        values = log_probs(model, [*mine, *task.answers[: share - len(mine)]], SILENT)
    parts: list[list[float]] = [[]] * number
    together.all_gather_object(parts, values)
    found = [value for together_scored in zip(*parts, strict=True) for value in together_scored][: len(task.answers)]
    if processes.is_main():
        materials.scores(task.run).add(task.answers, found)
    progress.advance(len(task.answers))
    return found


def _device(order: Order) -> str:
    task = order.tasks[0]
    plan = task.run if isinstance(task, Scoring) else task.run.plan
    return str(plan.manifest.config["arithmetic"]["device"])


def _asked(number: int) -> dict[str, Any]:
    """How many processes there are and whether they divide models, or why what the launcher wants cannot be done."""
    if _is_set("ACCELERATE_USE_DEEPSPEED"):
        return {"refused": "DeepSpeed is not supported. To divide a model use FSDP, version 2."}
    divides = _is_set(_FSDP)
    if divides and os.environ.get("FSDP_VERSION", "1") != "2":
        return {"refused": "only version 2 of FSDP is supported. Launch with --fsdp_version 2, or FSDP_VERSION=2."}
    if divides and _is_set("FSDP_OFFLOAD_PARAMS"):
        return {"refused": "FSDP cannot keep parameters in main memory here. Launch without --fsdp_offload_params."}
    return {"processes": number, "divides": divides}


def _is_set(name: str) -> bool:
    return os.environ.get(name, "false").lower() == "true"


class _Written(Silent):
    """Progress as lines of a file, which the process that called the launcher reads."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def advance(self, n: int = 1, note: str = "") -> None:
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(f"{n} {note}\n")


def end_with_the_parent() -> None:
    """Standard input is a pipe from the process that called the launcher, where the launcher hands it on: it is closed
    when that process has ended, however abruptly.
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
