"""What a launcher starts: one of the processes that do a run together.

``python -m pluralign.training.launched PLACE``: the order lies in that folder, and the answer is put there. Without an
order, the answer is how many processes there are.
"""

from __future__ import annotations

import os
import pickle
import stat
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

from pluralign.errors import ConfigError, PluralignError
from pluralign.progress import SILENT, Progress, Silent
from pluralign.storage import atomic_write
from pluralign.training.engines import attempt
from pluralign.training.failures import Trouble
from pluralign.training.launch import ANSWER, ORDER, STEPS, Order
from pluralign.training.materials import Materials
from pluralign.training.work import tune_run

# Seconds in which the main process does what is to be done after a failure.
_GRACE = 5


def main(place: Path) -> int:
    """Do this process's part; the exit code."""
    end_with_the_parent()
    # Launchers tell every process these two; without one, this process is alone.
    number, rank = (int(os.environ.get(name, default)) for name, default in (("WORLD_SIZE", "1"), ("RANK", "0")))
    if not (place / ORDER).exists():
        if rank == 0:
            atomic_write(place / ANSWER, str(number))
        return 0
    order: Order = pickle.loads((place / ORDER).read_bytes())
    found = attempt(part, order, Materials(order.folder), _Written(place / STEPS) if rank == 0 else SILENT)
    if isinstance(found, Trouble):
        atomic_write(place / ANSWER, pickle.dumps(found))
        if rank > 0:
            # A launcher kills all when one has failed: the main process may still have to put the run away.
            time.sleep(_GRACE)
        return 1
    return 0


def part(order: Order, materials: Materials, progress: Progress) -> None:
    """This process's part of the run. Raises ConfigError where the model itself is divided, PluralignError where there
    are not as many processes as ordered.
    """
    import torch.distributed as together

    from pluralign.training import processes

    if any(os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true" for name in ("FSDP", "DEEPSPEED")):
        raise ConfigError(
            "The launcher divides the model itself among devices (FSDP or DeepSpeed), which is not supported: its "
            "adapter could not be saved. Launch plain data-parallel processes, for example with `torchrun`."
        )
    # Makes the processes known to each other, and gives each its device.
    import_module("accelerate").PartialState(cpu=order.task.run.plan.manifest.config["arithmetic"]["device"] == "cpu")
    try:
        if processes.number() != order.processes:
            raise PluralignError(
                f"The launcher started {processes.number()} processes that know of each other, not {order.processes} "
                "as before. Give it a fixed number of processes."
            )
        tune_run(order.task, materials, progress)
    finally:
        if together.is_initialized():
            together.destroy_process_group()


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
