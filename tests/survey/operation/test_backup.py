"""A backup taken while people take part holds one state of the data, and a survey goes on from it."""

from __future__ import annotations

import secrets
import shutil
import stat
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from pluralign.errors import ConfigError, PluralignError
from pluralign.survey.database import Database
from pluralign.survey.database.tables import METADATA, rating
from pluralign.survey.operation.backup import backup, restore
from tests.survey.small import enter, fielded, next_item, rate, small_study


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> str:
    """The URL of an empty database on the same kind of server."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'restored.db'}"
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed; Debian's package is `postgresql-client`")
    name = f"restored_{secrets.token_hex(6)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(database_url).set(database=name).render_as_string(hide_password=False)


def contents(database: Database) -> dict[str, list[str]]:
    with database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in METADATA.sorted_tables
        }


def test_a_survey_comes_back_from_its_backup(database: Database, empty: str, tmp_path: Path) -> None:
    study = small_study(tmp_path)
    fielded(database, study)
    who = enter(database, study).participant
    given = next_item(database, study, who)
    assert given is not None
    rate(database, study, who, given.assignment)
    path = tmp_path / "backup"
    assert backup(database, path) == path.stat().st_size > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = Database.open(empty)
    restore(path, other)
    other.upgrade()
    assert contents(other) == contents(database)
    following = next_item(other, study, who)
    assert following is not None
    assert following.position == 2
    other.close()


def test_a_backup_taken_under_load_has_whole_answers(database: Database, empty: str, tmp_path: Path) -> None:
    study = small_study(tmp_path, items_per_rater=12)
    fielded(database, study)
    who = enter(database, study).participant
    stop = threading.Event()

    def take_part() -> None:
        while not stop.is_set() and (given := next_item(database, study, who)) is not None:
            rate(database, study, who, given.assignment)

    thread = threading.Thread(target=take_part)
    thread.start()
    backup(database, tmp_path / "backup")
    stop.set()
    thread.join()
    other = Database.open(empty)
    restore(tmp_path / "backup", other)
    with other.read() as connection:
        counts = select(func.count(rating.c.dimension)).group_by(rating.c.assignment)
        per_item = connection.execute(counts).scalars().all()
    other.close()
    assert set(per_item) <= {2}


def test_nothing_is_written_over(database: Database, empty: str, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    backup(database, path)
    with pytest.raises(ConfigError, match="never written over"):
        backup(database, path)
    with pytest.raises(ConfigError, match="is not empty"):
        restore(path, database)
    with pytest.raises(ConfigError, match="no such folder"):
        backup(database, tmp_path / "nowhere" / "backup")
    other = Database.open(empty)
    with pytest.raises(ConfigError, match="no such backup"):
        restore(tmp_path / "missing", other)
    (tmp_path / "broken").write_bytes(b"not a backup" * 1000)
    with pytest.raises(PluralignError, match=r"no sound SQLite database|pg_restore failed"):
        restore(tmp_path / "broken", other)
    other.close()
    assert [each for each in tmp_path.iterdir() if each.name.startswith(".backup")] == []
