"""``pluralign import`` and ``pluralign export``: ratings in, preference data out."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, open_study, study_option

_KINDS = ("popquorn", "spica", "csv")


@click.command("import")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--drop-invalid", is_flag=True, help="Leave out rows that are wrong, and count them.")
@click.option("--held-out", default=0.25, show_default=True, help="Share of prompts on which nothing is tuned.")
@click.option("--seed", default=0, show_default=True, help="Seed of the split.")
@study_option
@debug_option
def import_(kind: str, path: Path, drop_invalid: bool, held_out: float, seed: int, root: Path) -> None:
    """Bring in ratings collected elsewhere.

    PATH is the data file or folder; for csv it is a mapping file that names the columns.
    """
    from pluralign.errors import ConfigError
    from pluralign.feedback import ADAPTERS

    folder, _ = open_study(root)
    if (folder.data / "ratings.parquet").is_file():
        raise ConfigError(f"{folder.data} already holds ratings. Use another study folder, or remove that one first.")
    feedback, dropped = ADAPTERS[kind](path, drop_invalid=drop_invalid, held_out=held_out, seed=seed)
    feedback.save(folder.data, dropped=dropped)
    left_out = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
    click.echo(
        f"{len(feedback.ratings)} ratings of {len(feedback.items)} items by {len(feedback.raters)} raters are in "
        f"{folder.data}." + (f" Left out: {left_out}." if left_out else "")
    )


@click.group()
def export() -> None:
    """Take results out of a study folder."""


@export.command("preferences")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--experiment", required=True, metavar="KEY", help="Key of the experiment.")
@click.option("--condition", required=True, metavar="KEY", help="Key of the condition.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["dataset", "jsonl"]),
    default="dataset",
    show_default=True,
    help="A Hugging Face dataset folder, or JSON Lines.",
)
@click.option("--plain", is_flag=True, help="Only true preferences, without probabilities and weights, for plain DPO.")
@study_option
@debug_option
def export_preferences(path: Path, experiment: str, condition: str, kind: str, plain: bool, root: Path) -> None:
    """Write one condition's pairs in the columns that TRL reads."""
    from pluralign.preferences import export_dataset

    folder, study = open_study(root)
    rows, left_out = export_dataset(folder, study, experiment, condition, path, kind=kind, plain=plain)
    click.echo(
        f"{rows} rows are in {path}." + (f" Left out: {left_out} rows without a preference." if left_out else "")
    )
