"""``pluralign corpus generate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.corpus.files import refuse_to_replace
from pluralign.cli.options import debug_option, open_study, study_option
from pluralign.cli.output import print_frame, shown_progress

if TYPE_CHECKING:
    import pandas as pd

    from pluralign.corpus.generation import Made, Plan
    from pluralign.folder import StudyFolder
    from pluralign.study import Context, Study
    from pluralign.study.generation import Answering

_STUDYS = "  [default: the study's]"


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    help="smollm2, a model folder, or the name of a model in the study file; may be repeated." + _STUDYS,
)
@click.option("--language", default=None, help="Language to generate in." + _STUDYS)
@click.option("--seed", type=click.IntRange(min=0), default=None, help="Seed of the draws." + _STUDYS)
@click.option("--temperature", type=click.FloatRange(min=0), default=None, help="0 is greedy." + _STUDYS)
@click.option(
    "--max-new-tokens", type=click.IntRange(min=1), default=None, help="Longest response, in tokens." + _STUDYS
)
@click.option(
    "--redraw",
    type=click.IntRange(0, 10),
    default=None,
    help="How often a flawed response is drawn again, at most." + _STUDYS,
)
@study_option
@debug_option
def generate(
    models: tuple[str, ...],
    language: str | None,
    seed: int | None,
    temperature: float | None,
    max_new_tokens: int | None,
    redraw: int | None,
    root: Path,
) -> None:
    """Generate responses under every perspective. Every prompt gets one; a stopped call is gone on with."""
    from pluralign.corpus.generation import count_flaws, generate_items
    from pluralign.records import PROMPTS, read

    folder, study = open_study(root)
    refuse_to_replace(folder)
    prompts = read(folder.data / "prompts.parquet", PROMPTS)
    changes = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens, "redraw": redraw}
    plan = _plan(study, models, language, {name: value for name, value in changes.items() if value is not None})
    with shown_progress() as progress:
        made = generate_items(
            prompts, study.contexts, plan, folder.data / "generating" / "replies.sqlite", progress=progress
        )
    items = _write(folder, made, plan, study.contexts, len(prompts))
    click.echo(f"{len(items)} responses to {len(prompts)} prompts are in {folder.data}.")
    for reason, number in made.dropped.items():
        click.echo(f"Left out, {reason}: {number}.")
    if any(reason.startswith("no response of") for reason in made.dropped):
        click.echo("Run the command again to ask for the responses that are missing; those that came are kept.")
    print_frame(count_flaws(items), as_json=False, title="Flaws")


def _plan(study: Study, models: tuple[str, ...], language: str | None, changes: dict[str, float]) -> Plan:
    from pluralign.corpus.generation import Plan
    from pluralign.language_models import Sampling
    from pluralign.study.generation import Answering

    settings = study.corpus.generation.model_copy(update=changes)
    listed = {name: entry for entry in settings.models for name in (entry.model, entry.called)}
    entries: tuple[Answering, ...] = tuple(listed.get(name) or Answering(model=name) for name in models)
    return Plan(
        models=entries or settings.models or (Answering(model=study.training.model),),
        languages=(language,) if language else settings.languages or study.languages[:1],
        sampling=Sampling(settings.max_new_tokens, settings.temperature, settings.top_p, settings.seed),
        redraw=settings.redraw,
        redraw_flaws=settings.redraw_flaws,
    )


def _write(folder: StudyFolder, made: Made, plan: Plan, contexts: tuple[Context, ...], prompts: int) -> pd.DataFrame:
    """The table of items with what stood beside the same items before, and from what it was made."""
    from pluralign.corpus.generation import with_earlier_work
    from pluralign.manifests import Manifest, digest_file
    from pluralign.records import ITEMS, read, write

    path = folder.data / "items.parquet"
    items = with_earlier_work(made.items, read(path, ITEMS)) if path.is_file() else made.items
    manifest = Manifest(
        what="generated responses",
        config={
            "models": dict(made.models),
            "languages": list(plan.languages),
            "perspectives": {context.key: context.instruction for context in contexts},
            "max_new_tokens": plan.sampling.max_new_tokens,
            "temperature": plan.sampling.temperature,
            "top_p": plan.sampling.top_p,
            "redraw": plan.redraw,
            "redraw_flaws": list(plan.redraw_flaws),
        },
        seed=plan.sampling.seed,
        inputs={"prompts": digest_file(folder.data / "prompts.parquet")},
        rows_in=prompts,
        dropped=dict(made.dropped),
    )
    write(items, path, ITEMS, manifest)
    return items
