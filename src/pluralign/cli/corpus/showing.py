"""``pluralign corpus status`` and ``pluralign corpus card``."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame


@click.command()
@study_option
@json_option
@debug_option
def status(root: Path, as_json: bool) -> None:
    """Count prompts and responses. Counts are by split, perspective, language, review and flaws."""
    from pluralign.corpus.status import summary
    from pluralign.records import ITEMS, PROMPTS, read

    folder, _ = open_study(root)
    prompts = read(folder.data / "prompts.parquet", PROMPTS)
    path = folder.data / "items.parquet"
    items = read(path, ITEMS) if path.is_file() else None
    print_frame(summary(prompts, items), as_json)


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
              help="Where to write it.  [default: data/corpus-card.md]")  # fmt: skip
@study_option
@debug_option
def card(out: Path | None, root: Path) -> None:
    """Write the data card of the corpus. It tells sources, licences, counts, what was left out and why, limits."""
    from pluralign.cli.corpus.files import imported_file, read_selection
    from pluralign.corpus.card import Corpus
    from pluralign.corpus.card import card as written
    from pluralign.manifests import digest_file, read_manifest
    from pluralign.records import ITEMS, PROMPTS, read
    from pluralign.storage import atomic_write

    folder, study = open_study(root)
    paths = {name: folder.data / f"{name}.parquet" for name in ("prompts", "items")}
    there = {name: path for name, path in paths.items() if path.is_file()}
    corpus = Corpus(
        title=study.title[study.languages[0]],
        prompts=read(paths["prompts"], PROMPTS),
        items=read(paths["items"], ITEMS) if "items" in there else None,
        sources=read_manifest(imported_file(folder)).config["sources"] if imported_file(folder).is_file() else (),
        selection=read_selection(folder),
        languages=study.languages,
        digests={path.name: digest_file(path) for path in there.values()},
    )
    place = out or folder.data / "corpus-card.md"
    atomic_write(place, written(corpus))
    click.echo(f"The data card is in {place}.")
