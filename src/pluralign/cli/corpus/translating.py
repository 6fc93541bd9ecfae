"""``pluralign corpus translate`` and its like: texts into another language, and what speaks against them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option, open_study, study_option
from pluralign.wording import counted

if TYPE_CHECKING:
    from pluralign.cli.corpus.translations import Bench

_to = click.option("--to", "target", metavar="LANGUAGE", required=True, help="Language to translate into.")
_from = click.option("--from", "source", metavar="LANGUAGE", help="Language to translate from.  [default: the first]")
_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_to
@_from
@click.option("--by", type=click.Choice(["deepl", "model"]), default="deepl", show_default=True, help="Who translates.")
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the model, such as an opus-mt."
)
@click.option("--budget", type=click.IntRange(0), metavar="N", help="Send at most this many characters.")
@click.option("--server", metavar="URL", help="Another address than DeepL's own.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent and what it would cost, and send nothing.")
@study_option
@debug_option
def translate(
    target: str,
    source: str | None,
    by: str,
    model: Path | None,
    budget: int | None,
    server: str | None,
    dry_run: bool,
    root: Path,
) -> None:
    """Translate what has no text in a language yet. A stopped call is gone on with.

    DeepL needs your key in the environment variable DEEPL_AUTH_KEY. What has been translated is kept in
    data/translating, so that nothing is paid for twice. Doubtful translations are listed in data/doubtful.csv.
    """
    from pluralign.errors import ConfigError

    if (by == "model") != (model is not None):
        raise ConfigError("--model DIR goes with --by model, which needs it.")
    bench = _bench(root, source, target)
    translator = bench.deepl(server) if model is None else bench.local(model)
    texts, characters = bench.estimate(translator)
    size = f"{counted(texts, 'text')} with {characters:,} characters"
    click.echo(f"To be translated from {bench.source} to {target}: {size}.")
    if by == "deepl":
        wanted = bench.study.corpus.translation
        cost = characters / 1e6 * wanted.price_per_million
        click.echo(f"At {wanted.price_per_million:g} {wanted.currency} a million that is {cost:.2f} {wanted.currency}.")
    if dry_run:
        return
    if by == "deepl" and texts:
        _say_usage(bench, server)
    found = bench.translate(translator, budget)
    if by == "deepl" and found.characters:
        click.echo(f"{found.characters:,} characters were sent.")
        if found.stopped is None:
            _say_usage(bench, server)
    if found.texts:
        _say_doubts(bench)
    if found.stopped is not None:
        raise type(found.stopped)(
            f"{found.stopped} {len(found.texts)} texts are translated and kept, {found.left} are left; the same "
            "command goes on from here."
        )
    click.echo(f"{counted(len(found.texts), 'text')} in {target} came in.")


@click.command("export-translation")
@_file
@_to
@_from
@click.option(
    "--which",
    type=click.Choice(["missing", "doubtful", "all"]),
    default="missing",
    show_default=True,
    help="Texts without a translation, doubtful translations to improve, or everything.",
)
@click.option(
    "--xliff",
    "version",
    type=click.Choice(["1.2", "2.0"]),
    default="1.2",
    show_default=True,
    help="Version of an XLIFF file.",
)
@study_option
@debug_option
def export_translation(file: Path, target: str, source: str | None, which: str, version: str, root: Path) -> None:
    """Write texts to FILE for human translators. It is .csv, or .xlf (XLIFF) for translation programs."""
    from pluralign.corpus.translation.exchange import export

    bench = _bench(root, source, target)
    jobs = bench.jobs(which)
    export(jobs, (bench.source, target), file, version=version)
    click.echo(f"{file} holds {counted(len(jobs), 'text')}. Import it with `pluralign corpus import-translation`.")


@click.command("import-translation")
@_file
@_to
@_from
@study_option
@debug_option
def import_translation(file: Path, target: str, source: str | None, root: Path) -> None:
    """Read translations from FILE, as exported. It is .csv or .xlf (XLIFF 1.2 or 2.x).

    Rows whose source has changed since are left out and written to data/translation-refused.csv.
    """
    bench = _bench(root, source, target)
    found, refused_file = bench.import_(file)
    click.echo(f"{counted(len(found.texts), 'text')} in {target} came in; {found.empty} not translated yet.")
    if len(found.refused):
        reasons = found.refused["reason"].value_counts().to_dict()
        listed = ", ".join(f"{count} because {reason}" for reason, count in reasons.items())
        first = f"the first is {found.refused['where'].iloc[0]}"
        click.echo(f"{len(found.refused)} were left out: {listed}; {first}. They are in {refused_file}.")
    if found.texts:
        _say_doubts(bench)


@click.command("check-translation")
@_to
@_from
@study_option
@debug_option
def check_translation(target: str, source: str | None, root: Path) -> None:
    """List doubtful translations in data/doubtful.csv.

    Doubts rest on meaning, length, words kept, numbers and placeholders lost. The review shows them first. The limits
    are in the study file under corpus, translation, doubts.
    """
    _say_doubts(_bench(root, source, target))


def _bench(root: Path, source: str | None, target: str) -> Bench:
    from pluralign.cli.corpus.translations import Bench

    return Bench.of(*open_study(root), source, target)


def _say_usage(bench: Bench, server: str | None) -> None:
    usage = bench.deepl(server).usage()
    if usage is not None:
        used, allowed = usage
        click.echo(f"DeepL has counted {used:,} of {allowed:,} characters in this period; {allowed - used:,} are left.")


def _say_doubts(bench: Bench) -> None:
    from pluralign.cli.output import shown_progress

    with shown_progress() as progress:
        doubtful, checked, file = bench.check(progress)
    click.echo(f"{doubtful} of {checked} translations are doubtful" + (f"; they are in {file}." if doubtful else "."))
