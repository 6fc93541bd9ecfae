"""From a study folder to a running survey."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from pluralign.folder import StudyFolder
from pluralign.records import ITEMS, PROMPTS, read
from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.database import Database, check_reachable
from pluralign.survey.database.tables import item
from pluralign.survey.fielding import pool, quotas
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.settings import DATABASE_FILE, Settings, read_secret


def prepare(
    folder: StudyFolder,
    study: Study,
    *,
    database_url: str | None = None,
    codes: Mapping[str, str] | None = None,
    completion_url: str | None = None,
    secure: bool = False,
) -> tuple[Settings, Database, instrument.Instrument]:
    """Open the database and put everything into it that a survey needs; safe to call again at any time.

    Raises SchemaError where the study folder has no prompts and items yet, DataError where none can be rated,
    PluralignError where the database does not answer.
    """
    prompts = read(folder.data / "prompts.parquet", PROMPTS)
    items = read(folder.data / "items.parquet", ITEMS)
    plan = Plan.of(study, len(items))
    url = database_url or default_url(folder)
    settings = Settings(
        study=study,
        plan=plan,
        database_url=url,
        secret=read_secret(folder.root),
        codes=codes or {},
        completion_url=completion_url,
        secure=secure,
        words_folder=folder.root,
    )
    database = open_database(folder, url)
    now = datetime.now(UTC)

    def fill(connection: Connection) -> instrument.Instrument:
        version = instrument.register(connection, study, now)
        quotas.set_up(connection, study)
        pool.fill(connection, study, plan, prompts, items, seed=0)
        return version

    return settings, database, database.run(fill)


def default_url(folder: StudyFolder) -> str:
    """The database of a study for which none is named: a file in its folder."""
    return f"sqlite:///{(folder.root / DATABASE_FILE).resolve()}"


def open_database(folder: StudyFolder, database_url: str | None = None) -> Database:
    """The survey's database with its tables in their present form; PluralignError where it does not answer."""
    database = Database.open(database_url or default_url(folder))
    check_reachable(database)
    database.upgrade()
    return database


def count_items(database: Database) -> int:
    """Items that can be rated."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(item).where(item.c.active)).scalar_one())
