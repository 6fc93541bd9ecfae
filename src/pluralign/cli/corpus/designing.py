"""``pluralign corpus design``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame

if TYPE_CHECKING:
    from pluralign.corpus.design import Plan
    from pluralign.folder import StudyFolder
    from pluralign.study import Study

_TITLES = {
    "ratings_per_item": "ratings per item",
    "prompts": "prompts",
    "items": "items",
    "item_pairs": "pairs of items",
    "by_chance": "compared by chance",
    "in_pairs": "compared in pairs",
    "prompts_in_pairs": "share of prompts",
}


@click.command()
@click.option("--raters", type=int, default=None, help="Raters who finish.  [default: recruitment.target]")
@click.option("--models", type=int, default=None, help="Models that answer each prompt.  [default: the study's]")
@click.option("--prompts", type=int, default=None, help="Prompts of the corpus.  [default: those in the folder]")
@click.option(
    "--ratings-per-item", "wanted", multiple=True, type=click.FloatRange(min=0, min_open=True),
    help="Show this number too; may be repeated.",
)  # fmt: skip
@study_option
@json_option
@debug_option
def design(
    raters: int | None, models: int | None, prompts: int | None, wanted: tuple[float, ...], root: Path, as_json: bool
) -> None:
    """Say how large a corpus the raters can fill.

    It is as large as it may be while responses are still compared with each other. Preferences come of two responses to
    one prompt, best of two that one rater rated. A row for each number of ratings per item, and one for the prompts
    that are there.
    """
    from pluralign.corpus.design import USUAL, Plan, alternatives
    from pluralign.errors import ConfigError

    folder, study = open_study(root)
    if raters is None and study.recruitment is None:
        raise ConfigError("The study file names no number of raters (recruitment.target). Give one with --raters.")
    plan = Plan(
        raters=raters if raters is not None else study.recruitment.target,  # type: ignore[union-attr]
        items_per_rater=study.items_per_rater,
        contexts=max(1, len(study.contexts)),
        models=models if models is not None else max(1, len(study.corpus.generation.models)),
    )
    there = prompts if prompts is not None else _prompts(folder)
    asked = (*USUAL, *wanted, study.fielding.ratings_per_item or 0)
    table = alternatives(plan, asked, there)
    if as_json:
        print_frame(table, as_json)
        return
    title = f"{plan.raters} raters, {plan.items_per_rater} items each; {plan.responses} responses to a prompt"
    shown = table[list(_TITLES)].round({"by_chance": 0, "in_pairs": 0}).astype({"by_chance": int, "in_pairs": int})
    shown["prompts_in_pairs"] = [f"{share:.0%}" for share in table["prompts_in_pairs"]]
    print_frame(shown.rename(columns=_TITLES), as_json, title=title)
    click.echo(_said(plan, study, there))


def _said(plan: Plan, study: Study, there: int | None) -> str:
    from pluralign.corpus.design import within_rater

    pairs = study.fielding.pairs
    parts = [
        "Compared: pairs of responses to one prompt that one rater rates, by chance or with fielding.pairs, which is "
        f"{'on' if pairs else 'off'} in this study. Share of prompts: those with such a pair, with fielding.pairs."
    ]
    if plan.responses == 1:
        parts = ["With one response to a prompt there is nothing to compare: add perspectives or models."]
    elif there:
        found = within_rater(plan, there, pairs=pairs)
        parts.append(
            f"The {there} prompts here get {plan.ratings / (there * plan.responses):.2g} ratings per item and about "
            f"{found:.0f} comparisons within raters."
        )
        if not pairs:
            other = within_rater(plan, there, pairs=True)
            parts.append(f"With fielding.pairs: true they would get about {other:.0f}.")
    return " ".join(parts)


def _prompts(folder: StudyFolder) -> int | None:
    from pluralign.records import PROMPTS, read

    path = folder.data / "prompts.parquet"
    return len(read(path, PROMPTS)) if path.is_file() else None
