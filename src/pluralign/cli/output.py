"""What commands show: progress on standard error, results on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pluralign.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress for a person: a bar on a terminal, lines elsewhere. Closed when the block ends."""
    progress = _Bar() if sys.stderr.isatty() else _Lines()
    try:
        yield progress
    finally:
        progress.finish()


def print_frame(frame: pd.DataFrame, as_json: bool, title: str = "", columns: Sequence[str] | None = None) -> None:
    """Print a table: aligned for people, or as a JSON list of rows.

    ``columns`` are the ones that people are shown; JSON always has all.
    """
    if as_json:
        click.echo(frame.to_json(orient="records", force_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    frame = frame if columns is None else frame[list(columns)]
    table = Table(title=title or None, title_justify="left", title_style="bold")
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "iuf"
        table.add_column(str(name), justify="right" if numeric else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    # Tables piped into a file keep their full width.
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False).print(table)


def print_result(values: dict[str, Any], as_json: bool) -> None:
    """Print named values: a line each, or a JSON object."""
    if as_json:
        click.echo(json.dumps(values, indent=2, ensure_ascii=False, default=str))
        return
    width = max(map(len, values), default=0)
    for name, value in values.items():
        click.echo(f"{name:<{width}}  {value}")


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN is the value that differs from itself
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


class _Lines:
    """Progress where there is no terminal: one line at the start, at most one in ten seconds, one at the end."""

    def __init__(self) -> None:
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._told = 0.0

    def start(self, what: str, total: int | None = None) -> None:
        self.finish()
        self._what, self._total, self._done = what, total, 0
        self._began = self._told = time.monotonic()

    def advance(self, n: int = 1, note: str = "") -> None:
        self._done += n
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            left = ""
            if self._total and self._done:
                left = f", about {(now - self._began) * (self._total - self._done) / self._done:.0f} s left"
            total = f"/{self._total}" if self._total else ""
            self.say(f"  {self._what}: {self._done}{total}{left}{f' ({note})' if note else ''}")

    def say(self, text: str) -> None:
        click.echo(text, err=True)

    def finish(self) -> None:
        if self._what:
            self.say(f"  {self._what}: done in {time.monotonic() - self._began:.1f} s")
        self._what = ""


class _Bar:
    """Progress on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
        )
        self._task: Any = None

    def start(self, what: str, total: int | None = None) -> None:
        self.finish()
        self._bar.start()
        self._task = self._bar.add_task(what, total=total, note="")

    def advance(self, n: int = 1, note: str = "") -> None:
        if self._task is not None:
            self._bar.update(self._task, advance=n, note=note)

    def say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False)

    def finish(self) -> None:
        if self._task is not None:
            self._bar.stop_task(self._task)
            self._bar.stop()
            self._task = None
