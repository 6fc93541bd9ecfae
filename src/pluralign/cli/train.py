"""``pluralign train``: the study's experiments as tuned models."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, experiment_option, open_study, study_option
from pluralign.cli.output import shown_progress


@click.command()
@study_option
@experiment_option
@click.option("--restart", is_flag=True, help="Begin again the runs whose inputs have changed, instead of refusing.")
@debug_option
def train(root: Path, only: tuple[str, ...], restart: bool) -> None:
    """Tune a model for every condition and seed.

    Finished runs are kept; a stopped run goes on where it was."""
    from pluralign.pipeline import stage
    from pluralign.training import discard_changed_runs

    folder, study = open_study(root)
    if restart:
        discard_changed_runs(folder, study, only=only or None)
    with shown_progress() as progress:
        results = stage("train").run(folder, study, only or None, progress)
    click.echo(f"{len(results)} tuned models are in {folder.runs}.")
