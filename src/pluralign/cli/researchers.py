"""``pluralign survey add-researcher`` and its like: who may see the researchers' pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from pluralign.cli.options import debug_option, open_study, study_option

if TYPE_CHECKING:
    from pluralign.survey.database import Database

_database_option = click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="sqlite:///FILE or postgresql://…; without it, a file in the study folder.",
)


@click.command("add-researcher")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "manager", "reviewer"]),
    default="viewer",
    show_default=True,
    help="A viewer looks; a manager also takes releases out and erases people; a reviewer sees the corpus only.",
)
@_database_option
@study_option
@debug_option
def add_researcher(
    name: str, role: Literal["viewer", "manager", "reviewer"], database_url: str | None, root: Path
) -> None:
    """Make an account for the pages under /researchers.

    The password is asked for, or read from the first line of standard input; it is never an argument, where others on
    this machine could see it.
    """
    with _opened(root, database_url) as database:
        from pluralign.survey.researchers import accounts

        password, moment = _password(), datetime.now(UTC)
        database.run(lambda connection: accounts.add(connection, name, password, role, moment))
    click.echo(f"{name} may log in as {role} at /researchers.")


@click.command("remove-researcher")
@click.argument("name")
@_database_option
@study_option
@debug_option
def remove_researcher(name: str, database_url: str | None, root: Path) -> None:
    """Take an account away; its sessions end at once."""
    with _opened(root, database_url) as database:
        from pluralign.survey.researchers import accounts

        moment = datetime.now(UTC)
        database.run(lambda connection: accounts.remove(connection, name, moment))
    click.echo(f"{name} has no account any more.")


@click.command("researchers")
@_database_option
@study_option
@debug_option
def researchers(database_url: str | None, root: Path) -> None:
    """List who may see the researchers' pages."""
    with _opened(root, database_url) as database:
        from pluralign.survey.researchers import accounts

        with database.read() as connection:
            found = accounts.everybody(connection)
    for each in found:
        click.echo(f"{each.name}  {each.role}")
    if not found:
        click.echo("Nobody yet. Make an account with `pluralign survey add-researcher NAME`.")


@contextmanager
def _opened(root: Path, database_url: str | None) -> Iterator[Database]:
    from pluralign.errors import MissingExtraError

    try:
        from pluralign.survey.serving import open_database
    except ImportError as error:
        raise MissingExtraError("The survey needs the extra `survey`: pip install 'pluralign[survey]'.") from error
    folder, _ = open_study(root)
    database = open_database(folder, database_url)
    try:
        yield database
    finally:
        database.close()


def _password() -> str:
    if sys.stdin.isatty():
        from pluralign.survey.researchers.accounts import SHORTEST_PASSWORD

        wanted = f"Password, at least {SHORTEST_PASSWORD} characters"
        return str(click.prompt(wanted, hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
