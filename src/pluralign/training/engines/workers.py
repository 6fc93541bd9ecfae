"""Pieces of work in several processes of this machine, each with a base model of its own."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from pluralign.folder import StudyFolder
from pluralign.progress import Progress, Silent
from pluralign.training.engines.devices import Share, shares
from pluralign.training.engines.engine import R, T, Work, attempt
from pluralign.training.failures import Trouble
from pluralign.training.materials import Materials

_KILLED = -9
# Seconds that a process may take to end after it has closed its output.
_PATIENCE = 30


@dataclass(frozen=True, slots=True)
class _Step:
    n: int
    note: str


@dataclass(frozen=True, slots=True)
class _Said:
    text: str


@dataclass(frozen=True, slots=True)
class _Done:
    result: Any


_Heard = _Step | _Said | _Done | None
"""What a worker tells; None when it has ended."""


class Workers:
    """An engine with at most ``at_once`` processes, which share this one's threads, and the accelerators, evenly.

    A worker ends when this process ends, however abruptly. Where one dies over its work, that piece has failed and
    another worker takes its place.
    """

    processes = 1
    divides = False

    def __init__(self, folder: StudyFolder, at_once: int) -> None:
        self.at_once = at_once
        self._folder = folder
        self._free: list[_Worker] = []
        self._busy: dict[int, tuple[_Worker, Any]] = {}
        self._heard: queue.SimpleQueue[tuple[int, _Heard]] = queue.SimpleQueue()

    def begin(self, progress: Progress) -> None:
        """See `engine.Engine`."""

    def each(
        self,
        work: Work[T, R],
        tasks: Sequence[T],
        materials: Materials,  # noqa: ARG002 - every worker has its own
        progress: Progress,
    ) -> Iterator[tuple[T, R | Trouble]]:
        """See `engine.Engine`."""
        waiting = list(reversed(tasks))
        while waiting or self._busy:
            while waiting and len(self._busy) < self.at_once:
                task = waiting.pop()
                worker = self._free.pop(0) if self._free else self._new()
                self._busy[worker.place] = worker, task
                worker.give(work, task)
            place, heard = self._heard.get()
            if isinstance(heard, _Step):
                progress.advance(heard.n, heard.note)
            elif isinstance(heard, _Said):
                progress.say(heard.text)
            elif place in self._busy:
                yield self._result(place, heard)
            else:
                self._forget(place)

    def close(self) -> None:
        """End all workers; what one of them was doing is gone on with by the next call."""
        for worker in (*self._free, *(worker for worker, _ in self._busy.values())):
            worker.end()
        self._free, self._busy = [], {}

    def _new(self) -> _Worker:
        share = next(share for share in shares(self.at_once) if share.place not in self._busy)
        return _Worker(share, self._folder, self._heard)

    def _forget(self, place: int) -> None:
        """A worker has died that had nothing to do."""
        for worker in [worker for worker in self._free if worker.place == place]:
            worker.end()
            self._free.remove(worker)

    def _result(self, place: int, heard: _Done | None) -> tuple[Any, Any]:
        worker, task = self._busy.pop(place)
        if heard is None:
            return task, worker.ended()
        self._free.append(worker)
        return task, heard.result


class _Worker:
    """The other end of a process that runs `_main`; ``heard`` gets what it tells, with its place."""

    def __init__(self, share: Share, folder: StudyFolder, heard: queue.SimpleQueue[tuple[int, _Heard]]) -> None:
        self.place = share.place
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            # -P: nothing in the present folder is taken for a module.
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | share.environment,
            # Ctrl-C in a terminal is for this process, which then ends its workers.
            start_new_session=True,
        )
        self._tell(folder)
        self._listener = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._listener.start()

    def give(self, work: Work[T, R], task: T) -> None:
        """Begin a piece of work."""
        self._tell((work, task))

    def ended(self) -> Trouble:
        """What the end of the process means for the work that it was doing."""
        code = self._process.wait(_PATIENCE)
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.end()
        return _death(code, said[-1] if said else "")

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def _tell(self, what: Any) -> None:
        assert self._process.stdin is not None
        # Where the process has ended, the listener finds that too.
        with suppress(BrokenPipeError):
            pickle.dump(pickle.dumps(what), self._process.stdin)
            self._process.stdin.flush()

    def _listen(self, heard: queue.SimpleQueue[tuple[int, _Heard]]) -> None:
        assert self._process.stdout is not None
        while True:
            try:
                told = pickle.load(self._process.stdout)
            except (EOFError, pickle.UnpicklingError):
                heard.put((self.place, None))
                return
            heard.put((self.place, told))


def _death(code: int, said: str) -> Trouble:
    if code == _KILLED:
        reason = (
            "The process was killed, most likely for want of memory. Use fewer --jobs, or halve training.batch_size."
        )
    else:
        reason = f"The process ended with code {code}{f' ({said})' if said else ''}. Try this run alone with --run."
    return Trouble(reason, "ProcessEnded")


def serve() -> None:
    """Do what comes in on standard input, which is written by this package's own `Workers`, until that is closed."""
    # What libraries print must not come between what is told.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    coming: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(coming,), daemon=True).start()
    materials, progress = Materials(pickle.loads(coming.get())), _Told(out)
    while True:
        work, task = pickle.loads(coming.get())
        progress.tell(_Done(attempt(work, task, materials, progress)))


def _read(coming: queue.SimpleQueue[bytes]) -> None:
    """The other process has ended when nothing more can come: then this one has nobody to work for."""
    try:
        while True:
            coming.put(pickle.load(sys.stdin.buffer))
    finally:
        os._exit(0)


class _Told(Silent):
    """Progress that the other process is told."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def tell(self, what: _Heard) -> None:
        pickle.dump(what, self._out)
        self._out.flush()

    def advance(self, n: int = 1, note: str = "") -> None:
        self.tell(_Step(n, note))

    def say(self, text: str) -> None:
        self.tell(_Said(text))
