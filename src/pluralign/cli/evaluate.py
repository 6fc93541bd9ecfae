"""``pluralign evaluate``: what changed in the tuned models."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, experiment_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame, shown_progress


@click.command()
@study_option
@experiment_option
@json_option
@debug_option
def evaluate(root: Path, only: tuple[str, ...], as_json: bool) -> None:
    """Find what changed in the tuned models.

    Samples responses to held-out prompts, has them judged, and compares each tuned model with the base model."""
    from pluralign.pipeline import require_data, stage

    folder, study = open_study(root)
    require_data(folder)
    with shown_progress() as progress:
        result = stage("evaluate").run(folder, study, only or None, progress)
    print_frame(result.differences, as_json, title="Difference to the base model, in points of the scale")
