"""``pluralign corpus review``: in the terminal, by files, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.wording import counted

if TYPE_CHECKING:
    from pluralign.cli.corpus.desk import ReviewDesk

_MOST_SHOWN = 5


@click.command()
@click.option("--reviewer", metavar="NAME", help="Review texts one by one in the terminal, as this person.")
@click.option("--language", help="Language of the texts.  [default: the study's first]")
@click.option(
    "--export",
    "export_to",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what --reviewer has left to look at as CSV, to be filled in.",
)
@click.option(
    "--import",
    "import_from",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read verdicts of --reviewer from such a file.",
)
@click.option("--apply", "apply_", is_flag=True, help="Put outcomes and corrections into the corpus.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="sqlite:///FILE or postgresql://…, as for serve; without it, a file in the study folder.",
)
@study_option
@json_option
@debug_option
def review(
    reviewer: str | None,
    language: str | None,
    export_to: Path | None,
    import_from: Path | None,
    apply_: bool,
    database_url: str | None,
    root: Path,
    as_json: bool,
) -> None:
    """Approve, correct or reject prompts and responses. Without options, says where the review stands.

    Reviews are kept in the survey's database, together with those made on the researchers' pages. They change the
    corpus with --apply only, which also writes data/reviews.parquet.
    """
    from pluralign.errors import ConfigError

    wishes = [name for name, wish in (("--export", export_to), ("--import", import_from), ("--apply", apply_)) if wish]
    if len(wishes) > 1:
        raise ConfigError(f"{' and '.join(wishes)} cannot be had at once; call the command for each.")
    if reviewer is None and (export_to or import_from):
        raise ConfigError("Say whose reviews these are with --reviewer NAME.")
    with _opened(root, database_url, language) as desk:
        if reviewer is None:
            _apply(desk) if apply_ else _standing(desk, as_json)
        elif import_from is not None:
            _import(desk, reviewer, import_from)
        elif export_to is not None:
            _export(desk, reviewer, export_to)
        else:
            from pluralign.cli.corpus.terminal import review_in_terminal

            review_in_terminal(desk, reviewer)


@contextmanager
def _opened(root: Path, database_url: str | None, language: str | None) -> Iterator[ReviewDesk]:
    from pluralign.errors import ConfigError, MissingExtraError

    try:
        from pluralign.cli.corpus.desk import ReviewDesk
        from pluralign.survey.serving import open_database
    except ImportError as error:
        raise MissingExtraError("Reviews need the extra `survey`: pip install 'pluralign[survey]'.") from error
    folder, study = open_study(root)
    wanted = language or study.languages[0]
    if wanted not in study.languages:
        raise ConfigError(f'The study has no language "{wanted}"; it has {", ".join(study.languages)}.')
    database = open_database(folder, database_url)
    try:
        yield ReviewDesk(folder, study, database, wanted)
    finally:
        database.close()


def _export(desk: ReviewDesk, reviewer: str, path: Path) -> None:
    from pluralign.corpus.review.files import write_sheet

    left = desk.queue(reviewer)
    write_sheet(left, path)
    texts = counted(len(left), "text")
    click.echo(f"{path} holds {texts} in {desk.language}. Fill in the last columns, then --import the file.")


def _import(desk: ReviewDesk, reviewer: str, path: Path) -> None:
    from pluralign.corpus.review.files import read_sheet
    from pluralign.errors import DataError

    taken = read_sheet(path, desk.shelf.units)
    desk.keep(reviewer, taken.verdicts, datetime.now(UTC))
    kept, empty = counted(len(taken.verdicts), "review"), counted(taken.empty, "row")
    click.echo(f"{kept} by {reviewer} kept; {empty} without a verdict yet.")
    if taken.refused:
        more = len(taken.refused) - _MOST_SHOWN
        shown = [*taken.refused[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        listed = "\n".join(f"  {one}" for one in shown)
        raise DataError(
            f"{path}: {counted(len(taken.refused), 'row')} not taken:\n{listed}\nMend them and import the file again; "
            "the rows that were taken may stay in it."
        )


def _standing(desk: ReviewDesk, as_json: bool) -> None:
    import json

    from pluralign.cli.output import print_frame

    texts, agreement = desk.standing()
    if as_json:
        found = {"texts": texts, "agreement": agreement}
        click.echo(json.dumps({name: json.loads(table.to_json(orient="records")) for name, table in found.items()}))
        return
    print_frame(texts, False, "Texts")
    if agreement.empty:
        click.echo("Nobody has reviewed anything yet.")
    else:
        print_frame(agreement, False, "Agreement of reviewers, first verdicts")


def _apply(desk: ReviewDesk) -> None:
    counts = desk.apply()
    click.echo(
        f"Items: {counts['approved']} approved, {counts['rejected']} rejected, {counts['unreviewed']} not decided; "
        f"{counted(counts['corrected'], 'text')} corrected. The reviews are in {desk.folder.data / 'reviews.parquet'}."
    )
