"""``pluralign corpus``: prompts and the responses to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame, shown_progress

if TYPE_CHECKING:
    import pandas as pd

    from pluralign.folder import StudyFolder


@click.group()
def corpus() -> None:
    """Prompts, and responses to them under perspectives."""


@corpus.command("import")
@click.argument("source", metavar="demo|PATH")
@click.option("--held-out", default=0.25, show_default=True, help="Share of prompts on which nothing is tuned.")
@click.option("--language", default=None, help="Language of the prompts.  [default: the study's first]")
@click.option("--seed", default=0, show_default=True, help="Seed of the split.")
@study_option
@debug_option
def import_(source: str, held_out: float, language: str | None, seed: int, root: Path) -> None:
    """Bring in prompts from a CSV or JSON Lines file, or the demo corpus with its responses."""
    folder, study = open_study(root)
    _refuse_to_replace(folder)
    if source == "demo":
        import_demo(folder)
        click.echo(f"The demo corpus is in {folder.data}.")
        return
    from pluralign.corpus.imports import read_prompts

    prompts, dropped = read_prompts(Path(source), language=language or study.languages[0], held_out=held_out, seed=seed)
    _write(folder, "imported prompts", prompts, None, dropped)
    left_out = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
    click.echo(f"{len(prompts)} prompts are in {folder.data}." + (f" Left out: {left_out}." if left_out else ""))


@corpus.command()
@click.option("--model", default=None, help="smollm2 or a model folder.  [default: the study's]")
@click.option("--language", default=None, help="Language to generate in.  [default: the study's first]")
@click.option("--seed", default=0, show_default=True, help="Seed of the sampling.")
@click.option("--temperature", default=0.8, show_default=True, help="0 is greedy.")
@click.option("--max-new-tokens", default=64, show_default=True, help="Longest response.")
@study_option
@debug_option
def generate(
    model: str | None, language: str | None, seed: int, temperature: float, max_new_tokens: int, root: Path
) -> None:
    """Generate a response to every prompt under every perspective of the study. Goes on where it was stopped."""
    from pluralign.corpus.generate import generate_items
    from pluralign.language_models import Sampling
    from pluralign.records import PROMPTS, read

    folder, study = open_study(root)
    _refuse_to_replace(folder)
    prompts = read(folder.data / "prompts.parquet", PROMPTS)
    sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature, top_p=study.evaluation.top_p, seed=seed)
    with shown_progress() as progress:
        items = generate_items(
            prompts,
            study.contexts,
            model or study.training.model,
            language or study.languages[0],
            sampling,
            folder.data / "generating",
            progress=progress,
        )
    _write(folder, "generated responses", None, items)
    click.echo(f"{len(items)} responses to {len(prompts)} prompts are in {folder.data}.")


@corpus.command()
@study_option
@json_option
@debug_option
def status(root: Path, as_json: bool) -> None:
    """Count prompts and responses by split, perspective, language and review."""
    from pluralign.corpus.status import summary
    from pluralign.records import ITEMS, PROMPTS, read

    folder, _ = open_study(root)
    prompts = read(folder.data / "prompts.parquet", PROMPTS)
    path = folder.data / "items.parquet"
    items = read(path, ITEMS) if path.is_file() else None
    print_frame(summary(prompts, items), as_json)


def import_demo(folder: StudyFolder) -> None:
    """Put the prompts and responses that come with pluralign into a study folder."""
    from pluralign.corpus.demo import load_demo

    _write(folder, "demo corpus", *load_demo())


def _refuse_to_replace(folder: StudyFolder) -> None:
    """Ratings belong to the items they were given for; a corpus under them is not replaced."""
    from pluralign.errors import ConfigError

    if (folder.data / "ratings.parquet").is_file():
        raise ConfigError(
            f"{folder.data} already holds ratings of its items; a new corpus would orphan them. Use another study "
            "folder, or remove the ratings first."
        )


def _write(
    folder: StudyFolder,
    what: str,
    prompts: pd.DataFrame | None,
    items: pd.DataFrame | None,
    dropped: dict[str, int] | None = None,
) -> None:
    from pluralign.manifests import Manifest
    from pluralign.records import ITEMS, PROMPTS, write

    manifest = Manifest(what=what, dropped=dropped or {})
    if prompts is not None:
        write(prompts, folder.data / "prompts.parquet", PROMPTS, manifest)
    if items is not None:
        write(items, folder.data / "items.parquet", ITEMS, manifest)
