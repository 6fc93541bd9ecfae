"""``pluralign report``: one page that can be sent."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, open_study, study_option
from pluralign.cli.output import shown_progress


@click.command()
@study_option
@debug_option
def report(root: Path) -> None:
    """Write the report, one HTML file.

    It covers everything that has been done so far and says what has not."""
    from pluralign.pipeline import stage

    folder, study = open_study(root)
    with shown_progress() as progress:
        page = stage("report").run(folder, study, None, progress)
    click.echo(f"The report is {page}.")
