"""``pluralign prefer``: preference data under the study's policies."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, experiment_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame, shown_progress

_SHOWN = (
    "experiment",
    "condition",
    "policy",
    "scale",
    "raters",
    "ratings",
    "candidate_pairs",
    "dropped_tied",
    "natural_pairs",
    "natural_even",
    "matched_pairs",
    "mean_p",
)


@click.command()
@study_option
@experiment_option
@json_option
@debug_option
def prefer(root: Path, only: tuple[str, ...], as_json: bool) -> None:
    """Turn ratings into preference pairs.

    One table for every condition of the study's experiments, matched in size."""
    from pluralign.pipeline import require_data, stage

    folder, study = open_study(root)
    require_data(folder)
    with shown_progress() as progress:
        summary = stage("prefer").run(folder, study, only or None, progress)
    print_frame(summary, as_json, title="Preference pairs", columns=_SHOWN)
    if not as_json:
        click.echo(f"All counts are in {folder.preferences / 'summary.csv'}.")
