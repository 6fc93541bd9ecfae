"""Pieces of work as tasks of Ray, on this machine or on a cluster."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from pluralign.errors import ConfigError, MissingExtraError
from pluralign.folder import StudyFolder
from pluralign.progress import Progress, Silent
from pluralign.training.engines.engine import R, T, Work, attempt
from pluralign.training.failures import Trouble
from pluralign.training.materials import Materials

# Seconds between looks at what tasks have told.
_LOOKS = 0.5


class RayTasks:
    """An engine that gives every piece of work to Ray; each takes ``cpus`` processors and ``gpus`` accelerators.

    ``address`` is that of a running cluster; without one, Ray is started here and ends with the engine. All machines
    must see the study folder under the same path.
    """

    processes = 1
    divides = False

    def __init__(self, folder: StudyFolder, address: str | None = None, cpus: int = 1, gpus: float | None = None):
        self.at_once = 1
        self._folder = StudyFolder(folder.root.resolve())
        self._address, self._cpus, self._gpus = address, cpus, gpus
        self._ray: Any = None
        self._tasks: Any = None
        self._mailbox: Any = None

    def begin(self, progress: Progress) -> None:
        """Start Ray or join a cluster; MissingExtraError without Ray, ConfigError where it has not what a run needs."""
        self._ray = ray = _library()
        gpus = _default_gpus() if self._gpus is None else self._gpus
        try:
            ray.init(address=self._address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # Ray raises Exception itself where it does not start
            where = f"the cluster at {self._address}" if self._address else "Ray on this machine"
            first = (str(error).splitlines() or ["no reason given"])[0]
            raise ConfigError(f"Could not use {where}: {first}. Look at it with `ray status`.") from error
        there = ray.cluster_resources()
        for name, wanted, option in (("CPU", self._cpus, "--cpus-per-run"), ("GPU", gpus, "--gpus-per-run")):
            if wanted > there.get(name, 0):
                ray.shutdown()
                raise ConfigError(
                    f"{option} is {wanted:g}, but Ray has only {there.get(name, 0):g} in all. Ask for no more."
                )
        self.at_once = max(1, int(there["CPU"] // self._cpus))
        # Ray ends processes with accelerators after one task unless told otherwise; they hold a base model.
        self._tasks = ray.remote(num_cpus=self._cpus, num_gpus=gpus, max_calls=0, max_retries=0)(_do)
        self._mailbox = ray.remote(num_cpus=0)(_Mailbox).remote()
        progress.say(f"Ray has room for {self.at_once if not gpus else int(there['GPU'] // gpus)} runs at once.")

    def each(
        self,
        work: Work[T, R],
        tasks: Sequence[T],
        materials: Materials,  # noqa: ARG002 - every process has its own
        progress: Progress,
    ) -> Iterator[tuple[T, R | Trouble]]:
        """See `engine.Engine`."""
        # As bytes: what Ray hands over itself is read-only memory.
        waiting = {self._tasks.remote(self._folder, pickle.dumps((work, task)), self._mailbox): task for task in tasks}
        while waiting:
            ended, _ = self._ray.wait(list(waiting), timeout=_LOOKS)
            self._hear(progress)
            for task in ended:
                yield waiting.pop(task), self._result(task)
        self._hear(progress)

    def close(self) -> None:
        """Leave Ray, which ends what it was doing; that is gone on with by the next call."""
        self._ray.shutdown()

    def _hear(self, progress: Progress) -> None:
        for n, note, said in self._ray.get(self._mailbox.empty.remote()):
            if said:
                progress.say(said)
            else:
                progress.advance(n, note)

    def _result(self, task: Any) -> Any:
        try:
            return pickle.loads(self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            return Trouble(f"Ray's process ended ({first}). Try this run alone with --run.", type(error).__name__)


def _library() -> Any:
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingExtraError("--engine ray needs the extra `ray`: pip install 'pluralign[ray]'.") from error


def _default_gpus() -> float:
    import torch

    return 1.0 if torch.cuda.is_available() else 0.0


def _do(folder: StudyFolder, order: bytes, mailbox: Any) -> bytes:
    """A task: its result, or what went wrong, as bytes."""
    # Read when the libraries are imported: nothing here is ever fetched from a hub.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    work, task = pickle.loads(order)
    return pickle.dumps(attempt(work, task, _materials(folder), _Posted(mailbox)))


@cache
def _materials(folder: StudyFolder) -> Materials:
    """One for each process, which does many tasks."""
    return Materials(folder)


class _Mailbox:
    """An actor that keeps what tasks tell until it is fetched."""

    def __init__(self) -> None:
        self._told: list[tuple[int, str, str]] = []

    def put(self, n: int, note: str, said: str) -> None:
        self._told.append((n, note, said))

    def empty(self) -> list[tuple[int, str, str]]:
        told, self._told = self._told, []
        return told


class _Posted(Silent):
    """Progress that goes to the mailbox."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def advance(self, n: int = 1, note: str = "") -> None:
        self._mailbox.put.remote(n, note, "")

    def say(self, text: str) -> None:
        self._mailbox.put.remote(0, "", text)
