"""Numbers of requests and their durations, summed over the server's processes through files in one folder.

Each process maps a file of its own into memory and counts there, so that counting costs no call of the system, and
whichever process is asked for the sums reads all files.
"""

from __future__ import annotations

import mmap
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

# Upper ends of the classes of durations, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_STATUSES = 5
_WIDTH = 8


class Traffic:
    """The counters of this process. ``pages``: the names that can occur; any other one counts as ``other``."""

    def __init__(self, folder: Path, pages: tuple[str, ...]) -> None:
        self._folder, self._lock = folder, Lock()
        self._pages = (*sorted(set(pages) - {"other"}), "other")
        self._index = {page: number for number, page in enumerate(self._pages)}
        self._durations = len(self._pages) * _STATUSES
        self._length = self._durations + len(BUCKETS) + 2
        path = folder / str(os.getpid())
        with path.open("a+b") as file:
            file.truncate(self._length * _WIDTH)
            self._memory = mmap.mmap(file.fileno(), 0)
        self._cells = memoryview(self._memory).cast("d")

    def add(self, page: str, status: int, seconds: float) -> None:
        """Count one request."""
        place = self._index.get(page, self._index["other"]) * _STATUSES + min(max(status // 100, 1), _STATUSES) - 1
        bucket = next((number for number, end in enumerate(BUCKETS) if seconds <= end), len(BUCKETS))
        with self._lock:
            self._cells[place] += 1
            self._cells[self._durations + bucket] += 1
            self._cells[self._length - 1] += seconds

    def lines(self) -> Iterator[str]:
        """The sums over all processes in Prometheus' text format."""
        cells = self._sums()
        yield "# TYPE pluralign_requests_total counter"
        for number, page in enumerate(self._pages):
            for kind in range(_STATUSES):
                if count := cells[number * _STATUSES + kind]:
                    yield f'pluralign_requests_total{{page="{page}",status="{kind + 1}xx"}} {count:.0f}'
        yield "# TYPE pluralign_request_seconds histogram"
        counted = 0.0
        for end, count in zip((*map(str, BUCKETS), "+Inf"), cells[self._durations :], strict=False):
            counted += count
            yield f'pluralign_request_seconds_bucket{{le="{end}"}} {counted:.0f}'
        yield f"pluralign_request_seconds_sum {cells[self._length - 1]:.6f}"
        yield f"pluralign_request_seconds_count {counted:.0f}"

    def close(self) -> None:
        """Let go of the file; what was counted stays in it."""
        self._cells.release()
        self._memory.close()

    def _sums(self) -> list[float]:
        sums = [0.0] * self._length
        for path in self._folder.iterdir():
            found = array("d", path.read_bytes())
            # A process that is just beginning may have an empty file still.
            if len(found) == self._length:
                sums = [one + other for one, other in zip(sums, found, strict=True)]
        return sums
