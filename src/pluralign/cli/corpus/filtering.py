"""``pluralign corpus filter``."""

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
    selection_file,
    write_corpus,
)
from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame, shown_progress

if TYPE_CHECKING:
    import pandas as pd

    from pluralign.corpus.selection import Rules, Selected
    from pluralign.corpus.selection.seeds import Embedding
    from pluralign.folder import StudyFolder
    from pluralign.study import Study


@click.command("filter")
@click.option("--sample", type=int, default=None, help="Prompts wanted.  [default: the study's]")
@click.option("--held-out", type=float, default=None, help="Share held out.  [default: the study's]")
@click.option("--seed", type=int, default=None, help="Seed of split and sample.  [default: the study's]")
@study_option
@json_option
@debug_option
def filter_(sample: int | None, held_out: float | None, seed: int | None, root: Path, as_json: bool) -> None:
    """Select among the imported prompts.

    The study file's corpus.selection says how: words, repeats, sample, split. May be run again with other rules: it
    always begins with all imported prompts.
    """
    from pluralign.corpus.selection import select

    folder, study = open_study(root)
    refuse_to_replace(folder)
    given = {"sample": sample, "held_out": held_out, "seed": seed}
    rules = _rules(study, {name: value for name, value in given.items() if value is not None})
    imported = _imported(folder)
    with shown_progress() as progress:
        selected = select(
            imported, rules, study.languages, embedding=lambda: _embedder(folder), progress=progress
        )  # fmt: skip
    refuse_to_orphan(folder, selected.prompts)
    _write(folder, selected, rules)
    table = _table(imported, selected)
    if as_json:
        print_frame(table, as_json)
        return
    print_frame(table, as_json, title="Prompts by source")
    click.echo(
        f"{len(selected.prompts)} of {len(imported)} prompts are in {folder.data}; "
        f"{dropped_file(folder)} names the others, each with its reason."
    )


def _rules(study: Study, given: dict[str, Any]) -> Rules:
    """The rules of the study file, with what the command says otherwise."""
    from pluralign.corpus.selection import Rules

    chosen = study.corpus.selection
    words = None if chosen.topic == "any" and not chosen.keywords else chosen.keywords
    fields = chosen.model_dump(exclude={"topic", "keywords"})
    return Rules(words=words, **{**fields, **given})


def _imported(folder: StudyFolder) -> pd.DataFrame:
    from pluralign.corpus.sources.table import IMPORTED
    from pluralign.errors import DataError
    from pluralign.records import read

    path = imported_file(folder)
    if not path.is_file():
        raise DataError(
            f"{path}: there are no imported prompts to select among. Bring some in with `pluralign corpus import KIND "
            "PATH`; the demo corpus is a selection already."
        )
    return read(path, IMPORTED)


def _embedder(folder: StudyFolder) -> Embedding:
    from pluralign.language_models.embeddings import Embedder

    return Embedder(folder.data / "imported" / "embeddings.npz")


def _write(folder: StudyFolder, selected: Selected, rules: Rules) -> None:
    from dataclasses import asdict

    from pluralign.storage import write_csv, write_json

    write_csv(selected.dropped, dropped_file(folder))
    write_corpus(folder, "selected prompts", keep_work(folder, selected.prompts), None, selected.counts)
    write_json({"rules": asdict(rules), "dropped": selected.counts}, selection_file(folder))


def _table(imported: pd.DataFrame, selected: Selected) -> pd.DataFrame:
    """A row per source, and one for all: imported, gone by reason, kept, of these held out."""
    import pandas as pd

    prompts, dropped = selected.prompts, selected.dropped
    rows = []
    for source in [*imported["source"].drop_duplicates(), None]:
        of = [
            frame if source is None else frame.loc[frame["source"] == source] for frame in (imported, dropped, prompts)
        ]
        gone = {reason: int((of[1]["reason"] == reason).sum()) for reason, count in selected.counts.items() if count}
        held_out = int((of[2]["split"] == "held-out").sum())
        rows.append(
            {"source": source or "all", "imported": len(of[0]), **gone, "kept": len(of[2]), "held out": held_out}
        )
    return pd.DataFrame(rows)
