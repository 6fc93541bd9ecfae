"""``pluralign init``: a study folder to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option

# The ways of a study: what is rated, then by whom, then everything else.
_NEXT = (
    ("corpus import demo", "prompts and responses to rate; `pluralign corpus` makes your own"),
    ("serve", "let people rate them in a browser"),
    ("simulate", "or invented raters, to try the study out"),
    ("import KIND PATH", "or ratings that you have already"),
    ("run", "everything after the ratings, up to the report"),
)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--template", default="minimal", show_default=True, metavar="NAME", help="gender-values or minimal.")
@debug_option
def init(folder: Path, template: str) -> None:
    """Make a study folder.

    It holds a study file, the schema that editors use to check it, and a README."""
    from pluralign.study import create

    study_file = create(folder, template)
    click.echo(f"{study_file} is ready. Edit it. What comes next, each with --study {folder}:")
    for command, purpose in _NEXT:
        click.echo(f"  pluralign {command:<22} {purpose}")
