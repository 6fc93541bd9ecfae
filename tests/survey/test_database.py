"""Tables, transactions, versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from pluralign.errors import ConfigError, MismatchError, PluralignError
from pluralign.survey.database import Database, check_reachable
from pluralign.survey.database.tables import METADATA, prompt, quota


def test_the_steps_of_the_versions_make_the_declared_tables(database: Database) -> None:
    database.upgrade()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_tables_of_a_newer_version_are_refused(database: Database) -> None:
    database.run(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(MismatchError, match="Update pluralign"):
        database.upgrade()


def test_a_failed_change_leaves_nothing(database: Database) -> None:
    def half(connection: object) -> None:
        connection.execute(insert(prompt).values(prompt="p", texts={}))  # type: ignore[attr-defined]
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        database.run(half)
    with database.read() as connection:
        assert connection.execute(select(prompt)).all() == []


def test_a_counter_cannot_pass_its_cap(database: Database) -> None:
    database.run(lambda connection: connection.execute(insert(quota).values(quota=0, where={}, cap=1, taken=1)))
    with pytest.raises(IntegrityError):
        database.run(lambda connection: connection.execute(update(quota).values(taken=2)))


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as connection:
        before = len(connection.execute(select(prompt)).all())
        database.run(lambda writer: writer.execute(insert(prompt).values(prompt="new", texts={})))
        assert len(connection.execute(select(prompt)).all()) == before


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "allowed: sqlite:///FILE or postgresql"),
        ("no url", "cannot be read"),
        ("sqlite://", "must be a file"),
        ("sqlite:////no/such/folder/survey.db", "no such folder"),
    ],
)
def test_a_wrong_url_is_explained(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Database.open(url)


@pytest.mark.postgres
def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(PluralignError, match="does not answer") as caught:
        check_reachable(Database.open("postgresql://someone:secret@127.0.0.1:1/survey"))
    assert "secret" not in str(caught.value)


def test_sqlite_survives_being_opened_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'survey.db'}"
    first, second = Database.open(url), Database.open(url)
    first.upgrade()
    second.upgrade()
    first.run(lambda connection: connection.execute(insert(prompt).values(prompt="p", texts={"en": "x"})))
    with second.read() as connection:
        assert connection.execute(select(prompt.c.texts)).scalar_one() == {"en": "x"}
    first.close()
    second.close()
