"""One run in several processes, each with a device of its own, that a launcher such as torchrun starts."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from pluralign.errors import ConfigError, MismatchError, SchemaError
from pluralign.folder import StudyFolder
from pluralign.manifests import read_manifest
from pluralign.progress import SILENT, Progress
from pluralign.training.engines.devices import use_one_accelerator
from pluralign.training.engines.engine import InThisProcess, R, T, Work
from pluralign.training.failures import Trouble
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.tuning.run import put_away
from pluralign.training.work import Scoring, Tuning, score, tune_run
from pluralign.wording import counted

ORDER, ANSWER, STEPS = "order", "answer", "steps"
"""What lies in the folder by which the launched processes are told what to do, and tell what came of it."""

_MODULE = "pluralign.training.engines.launched"
_FOLDER = ".launch"
# Seconds between looks at what the processes have done, and those that a launcher may take to end its processes.
_LOOKS, _PATIENCE = 0.2, 20


@dataclass(frozen=True, slots=True)
class Order:
    """Pieces of work for ``processes`` processes, each of which holds one of ``parts`` of a model."""

    folder: StudyFolder
    work: Work[Any, Any]
    tasks: Sequence[Any]
    processes: int
    parts: int


class Launched:
    """An engine that tunes one run at a time under ``launcher``, a command that starts several processes of a module
    when ``-m module arguments`` is put behind it. All else is done in this process, on one device; where the processes
    divide a model among themselves, they score responses, too.
    """

    at_once = 1

    def __init__(self, folder: StudyFolder, launcher: str) -> None:
        self.processes = 1
        self.divides = False
        self._folder = folder
        self._command = shlex.split(launcher)
        # As it is before this process hides all accelerators but one from itself.
        self._environment = dict(os.environ)

    def begin(self, progress: Progress) -> None:
        """Ask the launcher how many processes it starts; ConfigError where it does not start any."""
        use_one_accelerator()
        with self._place() as place:
            code, said = self._run(place, SILENT)
            if code != 0 or not (place / ANSWER).is_file():
                raise ConfigError(f"--launch {shlex.join(self._command)}: {_ended(code, said)} Try it in a terminal.")
            answer = json.loads((place / ANSWER).read_text())
        if "refused" in answer:
            raise ConfigError(f"--launch {shlex.join(self._command)}: {answer['refused']}")
        self.processes = answer["processes"]
        self.divides = answer["divides"] and self.processes > 1
        if self.processes == 1:
            progress.say("The launcher starts one process only, as there is without it.")
        elif self.divides:
            progress.say(f"Each run is done by {self.processes} processes, which divide the model among themselves.")
        else:
            progress.say(f"Each run is done by {self.processes} processes.")

    def each(
        self, work: Work[T, R], tasks: Sequence[T], materials: Materials, progress: Progress
    ) -> Iterator[tuple[T, R | Trouble]]:
        """See `engine.Engine`."""
        if work is tune_run:
            orders = [[task] for task in tasks]
        elif work is score and self.divides:
            # All of a model at once, which takes long to load; the processes keep on the disk what they have scored.
            orders = [list(of_model) for _, of_model in groupby(tasks, lambda task: _model(task, materials))]
        else:
            yield from InThisProcess().each(work, tasks, materials, progress)
            return
        # The memory of the device is for the processes.
        materials.forget_models()
        for order in orders:
            yield from zip(order, self._done(work, order, progress), strict=True)

    def close(self) -> None:
        """See `engine.Engine`."""

    def _done(self, work: Work[Any, Any], tasks: Sequence[Any], progress: Progress) -> Sequence[Any]:
        with self._place() as place:
            parts = self.processes if self.divides else 1
            order = Order(StudyFolder(self._folder.root.resolve()), work, tasks, self.processes, parts)
            (place / ORDER).write_bytes(pickle.dumps(order))
            code, said = self._run(place, progress)
            found: list[Any] | Trouble | None = None
            if (place / ANSWER).is_file():
                found = pickle.loads((place / ANSWER).read_bytes())
            if code == 0 and isinstance(found, list):
                return found
            if not isinstance(found, Trouble):
                found = Trouble(_ended(code, said), "LauncherEnded", "\n".join(said))
            for task in tasks:
                if found.anew and isinstance(task, Tuning):
                    # The main process did so only if it was the one in trouble.
                    put_away(task.run.plan.folder)
            return [found] * len(tasks)

    @contextmanager
    def _place(self) -> Iterator[Path]:
        """A folder that processes on other machines see too, gone afterwards."""
        shared = self._folder.runs.resolve() / _FOLDER
        shared.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=shared))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            # Another command may have something there.
            with suppress(OSError):
                shared.rmdir()

    def _run(self, place: Path, progress: Progress) -> tuple[int, list[str]]:
        """The launcher's exit code and all that it and its processes printed."""
        with tempfile.TemporaryFile() as printed:
            try:
                process = subprocess.Popen(
                    [*self._command, "-m", _MODULE, str(place)],
                    # Never written to: its end tells the processes that this one has ended.
                    stdin=subprocess.PIPE,
                    stdout=printed,
                    stderr=printed,
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise ConfigError(
                    f"--launch {shlex.join(self._command)}: it could not be started ({error.strerror or error}). "
                    "Name a launcher that is installed, such as torchrun."
                ) from error
            try:
                code = _wait(process, place / STEPS, progress)
            finally:
                _end(process)
            printed.seek(0)
            return code, printed.read().decode("utf-8", "replace").splitlines()


def for_processes(runs: Sequence[PlannedRun], processes: int, *, divides: bool = False) -> list[PlannedRun]:
    """The runs as they are done by that many processes, which may divide the model among themselves.

    Raises ConfigError where a batch or a method cannot be divided among them, MismatchError where a run was begun by
    others: random numbers and the order of sums differ, so it would not end as it would have.
    """
    for run in runs:
        where = f"Experiment {run.key.experiment}, condition {run.key.condition}"
        if run.training.batch_size % processes:
            raise ConfigError(
                f"{where}: training.batch_size of {run.training.batch_size} cannot be divided among {processes} "
                f"processes. Choose a multiple of {processes}, or another number of processes."
            )
        if divides and not run.finished and run.training.method in ("grpo", "rloo"):
            raise ConfigError(
                f"{where}: training.method {run.training.method} samples from a model and reads its rewards from it, "
                "which is not possible in parts. Choose dpo, kto or sft, or a launcher that does not divide the model."
            )
        begun = _begun_by(run)
        if not run.finished and begun not in (None, _told(processes, divides)):
            raise MismatchError(
                f"{run.folder}: begun by {begun}, which cannot be gone on with by {_told(processes, divides)}. Launch "
                "it as before, or remove the folder to begin again."
            )
    if processes == 1:
        return list(runs)
    how = {"processes": processes, **({"model": "divided"} if divides else {})}
    return [replace(run, manifest=replace(run.manifest, config={**run.manifest.config, **how})) for run in runs]


def _model(task: Any, materials: Materials) -> str:
    assert isinstance(task, Scoring)
    return materials.name(task.run)


def _begun_by(run: PlannedRun) -> str | None:
    try:
        config = read_manifest(run.folder).config
    except SchemaError:
        return None
    return _told(int(config.get("processes", 1)), config.get("model") == "divided")


def _told(processes: int, divides: bool) -> str:
    number = counted(processes, "process", "processes")
    return f"{number} with a part of the model each" if divides else number


def _wait(process: subprocess.Popen[bytes], steps: Path, progress: Progress) -> int:
    told = 0
    while True:
        try:
            code: int | None = process.wait(_LOOKS)
        except subprocess.TimeoutExpired:
            code = None
        lines = steps.read_text(encoding="utf-8").splitlines(keepends=True) if steps.exists() else []
        whole = [line for line in lines if line.endswith("\n")]
        for line in whole[told:]:
            number, _, note = line.rstrip("\n").partition(" ")
            progress.advance(int(number), note)
        told = len(whole)
        if code is not None:
            return code


def _end(process: subprocess.Popen[bytes]) -> None:
    """The processes end when their input does; then the launcher has nothing to wait for."""
    assert process.stdin is not None
    process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ended(code: int, said: Sequence[str]) -> str:
    words = [line.strip() for line in said if line.strip()]
    last = next((line for line in reversed(words) if "Error" in line), words[-1] if words else "it said nothing")
    return f"the launcher ended with code {code} ({last[:300]})."
