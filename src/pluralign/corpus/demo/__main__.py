"""``python -m pluralign.corpus.demo FOLDER``: generate the demo corpus's English responses again."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.failures import run_command_line
from pluralign.cli.output import shown_progress
from pluralign.corpus.demo.making import make


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def remake(folder: Path) -> None:
    """Write prompts.csv, responses_en.csv and provenance.json to FOLDER. Goes on where it was stopped."""
    with shown_progress() as progress:
        make(folder, progress)
    click.echo(f"The English responses are in {folder}.")


if __name__ == "__main__":
    raise SystemExit(run_command_line(remake))
