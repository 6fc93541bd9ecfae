"""From a study folder to a running survey."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select

from pluralign.folder import StudyFolder
from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.database import Database, check_reachable
from pluralign.survey.database.tables import item
from pluralign.survey.fielding import quotas
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.recruitment.access import COMPLETION_URL, read_access
from pluralign.survey.settings import DATABASE_FILE, METRICS_TOKEN, Settings, read_secret

_PROMPTS_FILE, _ITEMS_FILE = "prompts.parquet", "items.parquet"


def prepare(
    folder: StudyFolder, study: Study, *, database_url: str | None = None
) -> tuple[Settings, Database, instrument.Instrument]:
    """Open the database and put everything into it that a survey needs; safe to call again at any time.

    Raises SchemaError where the study folder has no prompts and items yet, DataError where none can be rated,
    PluralignError where the database does not answer.
    """
    # Loaded here, since processes that only serve do without them.
    from pluralign.records import ITEMS, PROMPTS, read
    from pluralign.survey.fielding import pool

    prompts = read(folder.data / _PROMPTS_FILE, PROMPTS)
    items = read(folder.data / _ITEMS_FILE, ITEMS)
    settings = read_settings(folder, study, database_url)
    database = open_database(folder, settings.database_url)
    now = datetime.now(UTC)

    def fill(connection: Connection) -> tuple[instrument.Instrument, int]:
        version = instrument.register(connection, study, now)
        quotas.set_up(connection, study)
        return version, pool.fill(connection, study, settings.plan, prompts, items, seed=0)

    version, n_new = database.run(fill)
    if n_new:
        database.settle()
    return settings, database, version


def read_settings(folder: StudyFolder, study: Study, database_url: str | None = None) -> Settings:
    """What the study folder, which has its items, and the environment say about serving a survey.

    Raises ConfigError where a setting is wrong.
    """
    access = read_access(folder.root)
    return Settings(
        study=study,
        plan=Plan.of(study, pq.read_metadata(folder.data / _ITEMS_FILE).num_rows),
        database_url=database_url or default_url(folder),
        secret=read_secret(folder.root),
        codes={str(ending): code for ending, code in access.codes.items()} if access else {},
        completion_url=COMPLETION_URL if access else None,
        words_folder=folder.root,
        prolific=access,
        metrics_token=os.environ.get(METRICS_TOKEN),
    )


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
