"""``pluralign analyze``: how groups differ."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame, shown_progress


@click.command()
@study_option
@json_option
@debug_option
def analyze(root: Path, as_json: bool) -> None:
    """Describe the ratings and fit the study's models.

    One cumulative link mixed model per dimension; tables and figures go into analysis/."""
    from pluralign.pipeline import require_data, stage

    folder, study = open_study(root)
    require_data(folder)
    with shown_progress() as progress:
        analysis = stage("analyze").run(folder, study, None, progress)
    print_frame(analysis.significant, as_json, title="Effects with p < 0.05 (odds of a higher rating)")
    click.echo(f"Tables and figures are in {folder.analysis}.", err=True)
