"""One run in several processes, each with a device of its own, that a launcher such as torchrun starts."""

from __future__ import annotations

import os
import pickle
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pluralign.errors import ConfigError, MismatchError, SchemaError
from pluralign.folder import StudyFolder
from pluralign.manifests import read_manifest
from pluralign.progress import SILENT, Progress
from pluralign.training.devices import use_one_accelerator
from pluralign.training.engines import InThisProcess, R, T, Work
from pluralign.training.failures import Trouble
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.work import Tuning, tune_run

ORDER, ANSWER, STEPS = "order", "answer", "steps"
"""What lies in the folder by which the launched processes are told what to do, and tell what came of it."""

_MODULE = "pluralign.training.launched"
_FOLDER = ".launch"
# Seconds between looks at what the processes have done, and those that a launcher may take to end its processes.
_LOOKS, _PATIENCE = 0.2, 20


@dataclass(frozen=True, slots=True)
class Order:
    """A run for ``processes`` processes."""

    folder: StudyFolder
    task: Tuning
    processes: int


class Launched:
    """An engine that tunes one run at a time under ``launcher``, a command that starts several processes of a module
    when ``-m module arguments`` is put behind it. All else is done in this process, on one device.
    """

    at_once = 1

    def __init__(self, folder: StudyFolder, launcher: str) -> None:
        self.processes = 1
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
            self.processes = int((place / ANSWER).read_text())
        if self.processes == 1:
            progress.say("The launcher starts one process only, as there is without it.")
        else:
            progress.say(f"Each run is done by {self.processes} processes.")

    def each(
        self, work: Work[T, R], tasks: Sequence[T], materials: Materials, progress: Progress
    ) -> Iterator[tuple[T, R | Trouble]]:
        """See `engines.Engine`."""
        if work is not tune_run:
            yield from InThisProcess().each(work, tasks, materials, progress)
            return
        # The memory of the device is for the run.
        materials.forget_models()
        for task in tasks:
            assert isinstance(task, Tuning)
            result: Any = self._tune(task, progress)
            yield task, result

    def close(self) -> None:
        """See `engines.Engine`."""

    def _tune(self, task: Tuning, progress: Progress) -> Trouble | None:
        with self._place() as place:
            order = Order(StudyFolder(self._folder.root.resolve()), task, self.processes)
            (place / ORDER).write_bytes(pickle.dumps(order))
            code, said = self._run(place, progress)
            if (place / ANSWER).is_file():
                found: Trouble = pickle.loads((place / ANSWER).read_bytes())
                return found
            return None if code == 0 else Trouble(_ended(code, said), "LauncherEnded", "\n".join(said))

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


def for_processes(runs: Sequence[PlannedRun], processes: int) -> list[PlannedRun]:
    """The runs as they are done by that many processes.

    Raises ConfigError where a batch cannot be divided among them, MismatchError where a run was begun by another number
    of processes: random numbers and the order of sums differ, so it would not end as it would have.
    """
    for run in runs:
        if run.training.batch_size % processes:
            raise ConfigError(
                f"Experiment {run.key.experiment}, condition {run.key.condition}: training.batch_size of "
                f"{run.training.batch_size} cannot be divided among {processes} processes. Choose a multiple of "
                f"{processes}, or another number of processes."
            )
        begun = _begun_by(run)
        if not run.finished and begun not in (None, processes):
            raise MismatchError(
                f"{run.folder}: begun by {begun} processes, which cannot be gone on with by {processes}. Use as many "
                "as before, or remove the folder to begin again."
            )
    if processes == 1:
        return list(runs)
    return [
        replace(run, manifest=replace(run.manifest, config={**run.manifest.config, "processes": processes}))
        for run in runs
    ]


def _begun_by(run: PlannedRun) -> int | None:
    try:
        return int(read_manifest(run.folder).config.get("processes", 1))
    except SchemaError:
        return None


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
