"""``pluralign survey``: what a running survey needs besides being served."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.wording import counted

if TYPE_CHECKING:
    from pluralign.survey.recruitment.access import Access

_database_option = click.option(
    "--database", "database_url", metavar="URL", help="The survey's database; without it, the file in the study folder."
)


@click.group()
def survey() -> None:
    """Check a survey, compare it with Prolific, back it up."""
    from pluralign.errors import MissingExtraError

    try:
        import httpx2  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("The survey needs the extra `survey`: pip install 'pluralign[survey]'.") from error


@survey.command()
@study_option
@json_option
@debug_option
def lint(root: Path, *, as_json: bool) -> None:
    """Say what Prolific's rules object to in this study. Names the [words] that are still to be filled in, too.

    Ends with 1 where something is against a rule; advice alone ends with 0. What concerns pay and codes is left out for
    a study with an open link.
    """
    from pluralign.errors import PluralignError
    from pluralign.survey.fielding.plan import Plan
    from pluralign.survey.recruitment.access import read_access
    from pluralign.survey.recruitment.policy import lint as findings_of

    folder, study = open_study(root)
    found = findings_of(study, read_access(folder.root), Plan.of(study, 1))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2))
    else:
        for each in found:
            click.echo(f"{each.level}: {each.where}: {each.text}")
        if not found:
            click.echo("Nothing to object to.")
    if broken := sum(each.level == "breach" for each in found):
        raise PluralignError(
            f"{counted(broken, 'breach', 'breaches')} of the rules; mend what is named above before anybody takes part."
        )


@survey.command("create-on-prolific")
@click.option("--url", required=True, help="The survey's address, as people reach it.")
@click.option("--language", help="Language of title and description; the study's first without it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@study_option
@debug_option
def create_on_prolific(url: str, language: str | None, *, yes: bool, root: Path) -> None:
    """Make a draft of this study on Prolific.

    What it will cost is shown first. A draft costs nothing and nobody sees it. Look at it on Prolific, set the filters,
    and publish it there.
    """
    from pluralign.survey.recruitment.access import SETTINGS_FILE
    from pluralign.survey.recruitment.drafts import draft
    from pluralign.survey.recruitment.prolific import Prolific

    folder, study = open_study(root)
    access = _access(folder.root)
    prolific = Prolific.of(access)
    content = draft(study, access, url, language or study.languages[0])
    cost = prolific.cost(content["reward"], content["total_available_places"]) / 100
    people = counted(content["total_available_places"], "person", "people")
    click.echo(
        f"{people} at {content['reward'] / 100:.2f} each: {cost:.2f} in all, with Prolific's fee and taxes, in your "
        "account's currency."
    )
    if not yes and not click.confirm("Make the draft?"):
        return
    identifier = prolific.create(content)
    click.echo(
        f"Draft {identifier}. Add it to `studies` in {SETTINGS_FILE}; look at it on Prolific and publish it there."
    )


@survey.command()
@click.option("--approve", is_flag=True, help="Approve who finished and waits for it.")
@_database_option
@study_option
@json_option
@debug_option
def reconcile(root: Path, database_url: str | None, *, approve: bool, as_json: bool) -> None:
    """Compare Prolific with the database. Places of people who have left are given on.

    Run it every quarter of an hour while people take part, in case a call of Prolific got lost, and read it once a day.
    """
    from pluralign.errors import ConfigError
    from pluralign.survey.recruitment.access import SETTINGS_FILE
    from pluralign.survey.recruitment.prolific import Prolific
    from pluralign.survey.recruitment.reconciliation import reconcile as compare
    from pluralign.survey.serving import open_database

    folder, _ = open_study(root)
    access = _access(folder.root)
    prolific = Prolific.of(access)
    if not access.studies:
        raise ConfigError(f"Name the studies on Prolific: `prolific: {{studies: [ID]}}` in {SETTINGS_FILE}.")
    submissions = [each for study in access.studies for each in prolific.submissions(study)]
    database = open_database(folder, database_url)
    codes = {str(ending): code for ending, code in access.codes.items()}
    found = database.run(lambda connection: compare(connection, submissions, codes))
    database.close()
    if approve and found.to_approve:
        prolific.approve(found.to_approve)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    compared, freed = counted(len(submissions), "submission"), counted(found.freed, "place")
    click.echo(f"{compared}; {found.agreed} as here, {freed} given on.")
    done = "approved" if approve else "finished and wait to be approved"
    click.echo(f"{len(found.to_approve)} {done}.")
    for each in found.differences:
        click.echo(f"{each.submission}: {each.there} on Prolific, {each.here} here. {each.advice}")


@survey.command()
@click.option("--url", required=True, help="The survey's address, as Prolific reaches it.")
@click.option("--workspace", required=True, metavar="ID", help="Your workspace on Prolific.")
@study_option
@debug_option
def subscribe(url: str, workspace: str, root: Path) -> None:
    """Have Prolific tell the survey who leaves. It calls when somebody returns the study or runs out of time.

    Prints the secret that signs its calls, once: keep it, and set it where the survey is served.
    """
    from pluralign.survey.recruitment.access import WEBHOOK_SECRET
    from pluralign.survey.recruitment.events import PATH
    from pluralign.survey.recruitment.prolific import Prolific

    folder, _ = open_study(root)
    secret = Prolific.of(_access(folder.root)).subscribe(workspace, url.rstrip("/") + PATH)
    click.echo(f"{WEBHOOK_SECRET}={secret}")


@survey.command()
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@_database_option
@study_option
@debug_option
def backup(path: Path, database_url: str | None, root: Path) -> None:
    """Copy the database to FILE while the survey goes on."""
    from pluralign.survey.operation.backup import backup as copy
    from pluralign.survey.serving import open_database

    folder, _ = open_study(root)
    database = open_database(folder, database_url)
    size = copy(database, path)
    database.close()
    click.echo(f"{path}: {size:,} bytes. It holds what participants said: keep it as safe as the database.")


@survey.command()
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--database", "database_url", metavar="URL", required=True, help="A new, empty database.")
@study_option
@debug_option
def restore(path: Path, database_url: str, root: Path) -> None:
    """Fill a new, empty database from the backup FILE.

    People who were erased since are on the list `survey-erased` in the study folder, and are erased again.
    """
    from datetime import UTC, datetime

    from pluralign.survey.database import Database
    from pluralign.survey.operation.backup import restore as fill
    from pluralign.survey.operation.erased import (
        ERASED_FILE,
        Erased,
        count_erasures,
        count_erasures_in,
        erase_again,
    )
    from pluralign.survey.settings import DATABASE_FILE, read_secret

    known = root / ERASED_FILE
    erased = Erased(known, read_secret(root)) if known.exists() else None
    if erased is not None:
        erased.check()
    database = Database.open(database_url)
    # A survey on PostgreSQL is not the one in the folder's file.
    by_now = count_erasures_in(root / DATABASE_FILE) if database.is_sqlite else None
    fill(path, database)
    database.upgrade()
    if erased is not None:
        again = erase_again(database, erased, datetime.now(UTC))
        click.echo(f"Erased again, for they had withdrawn: {again}.")
    elif warning := _without_list(known, count_erasures(database), by_now):
        click.echo(warning)
    database.close()
    click.echo("Restored. Serve from this database from now on.")


def _without_list(known: Path, before: int, by_now: int | None) -> str:
    """What to say of a backup restored without a list of erased people; nothing where nobody has withdrawn since.

    ``before``: erasures that the backup knows of; ``by_now``: those of the study folder's database, None without one.
    """
    if by_now is None:
        return f"If anybody withdrew after this backup, put the list at {known} and restore again, into a new database."
    if by_now > before:
        people = counted(by_now - before, "person", "people")
        return (
            f"{people} withdrew after this backup and came back with it, for there is no list at {known}: put it there "
            "and restore again, into a new database."
        )
    return ""


def _access(root: Path) -> Access:
    """The survey's access to Prolific; ConfigError where there is none."""
    from pluralign.errors import ConfigError
    from pluralign.survey.recruitment.access import SETTINGS_FILE, TOKEN, read_access

    access = read_access(root)
    if access is None:
        raise ConfigError(f"This study is not tied to Prolific: there is no {SETTINGS_FILE} and no {TOKEN}.")
    return access
