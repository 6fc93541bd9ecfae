"""Review in the terminal, one text at a time."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pluralign.corpus.review import REASONS, SEVERITIES, Unit, Verdict
from pluralign.errors import ConfigError
from pluralign.wording import counted

if TYPE_CHECKING:
    from pluralign.cli.corpus.desk import ReviewDesk

_KEYS = "a approve, c correct, r reject, 1-3 severity, n next, q quit"


def review_in_terminal(desk: ReviewDesk, reviewer: str) -> None:
    """Ask for a verdict on each text that the reviewer has left; each is kept at once."""
    left = desk.queue(reviewer)
    done = 0
    for place, unit in enumerate(left):
        _show(unit, len(left) - place)
        verdict, quits = _asked(unit)
        if quits:
            break
        if verdict is not None:
            desk.keep(reviewer, [(unit, verdict)], datetime.now(UTC))
            done += 1
    kept, waiting = counted(done, "review"), counted(len(left) - done, "text")
    click.echo(f"\n{kept} by {reviewer} kept; {waiting} in {desk.language} left.")


def _show(unit: Unit, left: int) -> None:
    click.secho(f"\n{unit.kind} {unit.item} ({unit.language}), {left} left", bold=True)
    if unit.doubts:
        click.secho(f"Doubtful translation: {'; '.join(unit.doubts)}", fg="yellow")
    if unit.prompt is not None:
        click.echo(f"Prompt: {unit.prompt}")
    if unit.source is not None:
        click.echo(f"Translated from {unit.source_language}: {unit.source}")
    click.echo(f"To review: {unit.text}")


def _asked(unit: Unit) -> tuple[Verdict | None, bool]:
    """The verdict (None for a text left undecided), and whether the reviewer wants to stop."""
    severity = SEVERITIES[0]
    while True:
        key = click.prompt(f"{_KEYS} [severity {severity}]", prompt_suffix=": ").strip().lower()
        if key in ("n", "q"):
            return None, key == "q"
        if key in ("1", "2", "3"):
            severity = SEVERITIES[int(key) - 1]
            continue
        try:
            verdict = _verdict(unit, key, severity)
        except ConfigError as error:
            click.echo(f"  {error}")
            continue
        if verdict is not None:
            return verdict, False
        click.echo(f"  {key} is none of the keys.")


def _verdict(unit: Unit, key: str, severity: str) -> Verdict | None:
    if key == "a":
        return Verdict.checked(unit.text, "approved", severity, (), "", "")
    if key == "c":
        return Verdict.checked(unit.text, "corrected", severity, (), "", _corrected(unit.text))
    if key == "r":
        for number, words in enumerate(REASONS.values(), start=1):
            click.echo(f"  {number} {words}")
        given = click.prompt("Reasons by number, or in your words", default="", show_default=False)
        parts = given.replace(",", " ").split()
        numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
        if len(numbers) == len(parts) and all(1 <= number <= len(REASONS) for number in numbers):
            return Verdict.checked(
                unit.text, "rejected", severity, tuple(list(REASONS)[n - 1] for n in numbers), "", ""
            )
        return Verdict.checked(unit.text, "rejected", severity, (), given, "")
    return None


def _corrected(text: str) -> str:
    """The text as it should be: out of an editor, or a line where nobody sits at a terminal."""
    if sys.stdin.isatty():
        return click.edit(text) or ""
    return str(click.prompt("Text as it should be"))
