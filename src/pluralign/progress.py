"""How a stage tells what it is doing, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What stages report to. ``start`` opens a piece of work of ``total`` steps (None where unknown)."""

    def start(self, what: str, total: int | None = None) -> None:
        """Begin a piece of work; any earlier one is finished."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """``n`` more steps are done; ``note`` says something about the present one."""

    def say(self, text: str) -> None:
        """Tell the user one line that should stay on the screen."""

    def finish(self) -> None:
        """The piece of work is done."""


class Silent:
    """Reports nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


SILENT: Progress = Silent()
