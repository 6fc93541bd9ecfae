"""Versions of the tables, by Alembic, the same steps on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from pluralign.errors import MismatchError
from pluralign.survey.database.engine import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Run the steps that are missing, all in one transaction.

    Raises MismatchError where a newer pluralign made the tables.
    """
    config = Config()
    config.set_main_option("script_location", _SCRIPTS.as_posix().replace("%", "%%"))
    with database.engine.begin() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if present is not None and present not in known:
            raise MismatchError(
                f"The database has tables of version {present}, which this pluralign does not know. Update pluralign."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
