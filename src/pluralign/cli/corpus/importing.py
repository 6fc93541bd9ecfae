"""``pluralign corpus import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pluralign.cli.corpus.files import (
    dropped_file,
    imported_file,
    keep_work,
    refuse_to_orphan,
    refuse_to_replace,
    rejected_file,
    selection_file,
    write_corpus,
    write_rejected,
)
from pluralign.cli.options import debug_option, open_study, study_option
from pluralign.cli.output import shown_progress

if TYPE_CHECKING:
    import pandas as pd

    from pluralign.corpus.imports import Imported
    from pluralign.folder import StudyFolder

_QUICKLY_READ = 5_000_000  # bytes that take less than two seconds


@click.command("import")
@click.argument("kind_or_path", metavar="[KIND] [PATH]")
@click.argument("path", required=False, metavar="")
@click.option("--add", is_flag=True, help="Add to the prompts imported before.")
@click.option("--broken", type=click.Choice(["stop", "aside"]), default="stop", show_default=True,
              help="Stop at lines that cannot be used, or keep them apart in data/rejected-lines.jsonl.")  # fmt: skip
@click.option("--map", "pairs", multiple=True, metavar="COLUMN=FIELD",
              help="Which field of a file holds which column, such as text=question; may be repeated.")  # fmt: skip
@click.option("--source", default=None, help="Name of the source.  [default: the collection's or the file's]")
@click.option("--licence", default=None, help="Licence of the texts.  [default: the collection's]")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the file.")
@click.option("--config", default=None, help="Configuration of a data set of the Hub.")
@click.option("--split", "part", default="train", show_default=True, help="Split of a data set of the Hub.")
@click.option("--layout", default=None, metavar="KIND", help="Kind that a data set of the Hub is laid out as.")
@click.option("--held-out", default=0.25, show_default=True, help="Share of prompts on which nothing is tuned.")
@click.option("--language", default=None, help="Language of the prompts.  [default: the study's first]")
@click.option("--seed", default=0, show_default=True, help="Seed of the split.")
@study_option
@debug_option
def import_(kind_or_path: str, path: str | None, root: Path, **given: Any) -> None:
    """Bring in prompts, or the whole demo corpus.

    KIND is what the file at PATH holds: file (a CSV or JSON Lines file of your own, also when KIND is left out),
    hh-rlhf, red-team, bbq, beavertails, xstest, bold, prism (files as published), pool (several sources in one file).
    For huggingface, PATH is the name of a data set of the Hub. demo has no PATH.
    """
    folder, study = open_study(root)
    refuse_to_replace(folder)
    if kind_or_path == "demo":
        import_demo(folder)
        click.echo(f"The demo corpus is in {folder.data}.")
        return
    from pluralign.corpus.imports import HUB, Options, read_source
    from pluralign.corpus.sources.own import mapping

    kind, place = _what(kind_or_path, path)
    options = Options(
        language=given["language"] or study.languages[0],
        held_out=given["held_out"],
        seed=given["seed"],
        encoding=given["encoding"],
        names=mapping(given["pairs"]) if given["pairs"] else None,
        source=given["source"],
        licence=given["licence"],
        aside=given["broken"] == "aside",
        config=given["config"],
        part=given["part"],
        layout=given["layout"],
    )
    with shown_progress() as progress:
        if kind == HUB or (Path(place).is_file() and Path(place).stat().st_size > _QUICKLY_READ):
            progress.start("Reading prompts")
        imported = read_source(kind, place, options)
    _keep(folder, imported, kind, place, options.language, add=given["add"])


def import_demo(folder: StudyFolder) -> None:
    """Put the prompts and responses that come with pluralign into a study folder."""
    from pluralign.corpus.demo import load_demo

    write_corpus(folder, "demo corpus", *load_demo())


def _what(kind_or_path: str, path: str | None) -> tuple[str, str]:
    from pluralign.corpus.imports import HUB, OWN
    from pluralign.corpus.sources import KINDS, kind_named
    from pluralign.errors import ConfigError

    if path is None:
        if kind_or_path in (OWN, HUB, *KINDS):
            raise ConfigError(f"Say where the prompts are: pluralign corpus import {kind_or_path} PATH.")
        return OWN, kind_or_path
    if kind_or_path not in (OWN, HUB):
        kind_named(kind_or_path)
    return kind_or_path, path


def _keep(folder: StudyFolder, imported: Imported, kind: str, place: str, language: str, *, add: bool) -> None:
    """Write what was imported, and say what became of it."""
    from pluralign.corpus.sources.table import IMPORTED, added
    from pluralign.manifests import Manifest, digest_file, read_manifest
    from pluralign.records import read, write

    prompts, dropped = imported.prompts, {reason: count for reason, count in imported.dropped.items() if count}
    if imported.rejected:
        dropped["broken lines"] = len(imported.rejected)
    entry = {"kind": kind, "place": Path(place).name if Path(place).is_file() else place, "read": imported.read}
    inputs = {Path(place).name: digest_file(Path(place))} if Path(place).is_file() else {}
    entries: list[dict[str, Any]] = []
    path = imported_file(folder)
    new = len(prompts)
    if add and path.is_file():
        before = read_manifest(path)
        prompts, there = added(read(path, IMPORTED), prompts, language)
        if there:
            dropped["there already"] = there
        entries, inputs = list(before.config["sources"]), {**before.inputs, **inputs}
        new -= there
    entries.append({**entry, "kept": new, "dropped": dropped})
    refuse_to_orphan(folder, prompts)
    selected = add and selection_file(folder).is_file()
    lost = {
        reason: sum(each["dropped"].get(reason, 0) for each in entries)
        for each in entries
        for reason in each["dropped"]
    }
    manifest = Manifest(
        what="imported prompts", config={"sources": entries}, inputs=inputs, dropped=lost,
        rows_in=len(prompts) + sum(lost.values()),
    )  # fmt: skip
    write(prompts, path, IMPORTED, manifest)
    write_rejected(folder, imported.rejected, add=add)
    if not selected:
        own = keep_work(folder, prompts.drop(columns="stated_split"))
        write_corpus(folder, "imported prompts", own, None, lost)
        for made in (selection_file(folder), dropped_file(folder)):
            made.unlink(missing_ok=True)
    _say(folder, prompts, new, dropped, add=add, selected=selected)


def _say(
    folder: StudyFolder, prompts: pd.DataFrame, new: int, dropped: dict[str, int], *, add: bool, selected: bool
) -> None:
    what = f"{new} prompts were added, {len(prompts)}" if add else f"{new} prompts"
    left_out = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    text = f"{what} are in {folder.data}." + (f" Left out: {left_out}." if left_out else "")
    if "broken lines" in dropped:
        text += f" The broken lines are in {rejected_file(folder)}."
    if selected:
        text += " Select among them with `pluralign corpus filter`; until then the study has the prompts it had."
    click.echo(text)
