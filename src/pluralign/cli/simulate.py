"""``pluralign simulate``: ratings by simulated raters with planted effects."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, open_study, study_option


@click.command()
@click.option("--raters", type=click.IntRange(min=10), default=None, help="How many.  [default: the study file's]")
@click.option("--seed", default=0, show_default=True, help="Seed of the raters and their ratings.")
@study_option
@debug_option
def simulate(raters: int | None, seed: int, root: Path) -> None:
    """Let simulated raters rate the responses.

    The effects planted are those of the study file. Simulated ratings test the study and the software; they say
    nothing about people.
    """
    from pluralign.pipeline import simulate_ratings

    folder, study = open_study(root)
    feedback = simulate_ratings(folder, study, raters=raters, seed=seed)
    click.echo(
        f"{len(feedback.raters)} simulated raters gave {len(feedback.ratings)} ratings of "
        f"{feedback.ratings['item'].nunique()} responses; they are in {folder.data}."
    )
