"""``pluralign survey``: what a running survey needs besides being served."""

from __future__ import annotations

import click


@click.group()
def survey() -> None:
    """Look after a survey: check it, compare it with Prolific, back it up."""
