"""Tables, transactions, versions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Event

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from pluralign.errors import ConfigError, MismatchError, PluralignError
from pluralign.folder import StudyFolder
from pluralign.study import load
from pluralign.survey.database import Database, check_reachable
from pluralign.survey.database.tables import METADATA, item, prompt, quota
from pluralign.survey.serving import prepare
from tests.survey.servers import study_folder


def test_the_steps_of_the_versions_make_the_declared_tables(database: Database) -> None:
    database.upgrade()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_items_of_a_survey_that_runs_already_are_of_no_severity(database: Database) -> None:
    def before(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE item DROP COLUMN severity"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
        connection.execute(insert(prompt).values(prompt="p", texts={}))
        columns = "item, prompt, texts, cap, taken, shuffle, active"
        connection.execute(text(f"INSERT INTO item ({columns}) VALUES ('i', 'p', '{{}}', 1, 1, 0.5, true)"))

    database.run(before)
    database.upgrade()
    with database.read() as connection:
        assert connection.execute(select(item.c.item, item.c.taken, item.c.severity)).one() == ("i", 1, "none")


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


@pytest.fixture
def sqlite_file(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    shutil.copy(sqlite_template, tmp_path / "survey.db")
    opened = Database.open(f"sqlite:///{tmp_path / 'survey.db'}")
    yield opened
    opened.close()


def handed_in_at_once(database: Database, works: list[Callable[[Connection], object]]) -> list[Future[object]]:
    """Works that all arrive while the writer is busy; their futures are done."""
    assert database.writer is not None
    free = Event()
    busy = database.writer.submit(lambda _: free.wait(10))
    futures = [database.writer.submit(work) for work in works]
    free.set()
    wait([busy, *futures], 10)
    return futures


def adding(key: str) -> Callable[[Connection], object]:
    def work(connection: Connection) -> str:
        connection.execute(insert(prompt).values(prompt=key, texts={}))
        return key

    return work


def prompts(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(prompt.c.prompt)).scalars())


def test_changes_that_arrive_together_are_committed_together(sqlite_file: Database) -> None:
    commits = list[Connection]()
    event.listen(sqlite_file.engine, "commit", commits.append)
    futures = handed_in_at_once(sqlite_file, [adding(f"p{n}") for n in range(20)])
    assert [future.result() for future in futures] == [f"p{n}" for n in range(20)]
    assert prompts(sqlite_file) == {f"p{n}" for n in range(20)}
    assert len(commits) == 2


def test_a_change_that_fails_among_others_fails_alone(sqlite_file: Database) -> None:
    def half(connection: Connection) -> None:
        adding("half")(connection)
        raise ValueError("in the middle")

    good, bad, double, last = handed_in_at_once(sqlite_file, [adding("p"), half, adding("p"), adding("q")])
    assert isinstance(bad.exception(), ValueError)
    assert isinstance(double.exception(), IntegrityError)
    assert (good.result(), last.result()) == ("p", "q")
    assert prompts(sqlite_file) == {"p", "q"}


def test_nobody_is_told_that_it_is_saved_when_the_commit_fails(sqlite_file: Database) -> None:
    def full(_: Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    event.listen(sqlite_file.engine, "commit", full)
    futures = handed_in_at_once(sqlite_file, [adding("p"), adding("q")])
    assert all(isinstance(future.exception(), OperationalError) for future in futures)
    event.remove(sqlite_file.engine, "commit", full)
    assert prompts(sqlite_file) == set()


def test_a_process_with_much_to_do_lets_others_in(sqlite_file: Database, tmp_path: Path) -> None:
    other = Database.open(f"sqlite:///{tmp_path / 'survey.db'}")
    assert sqlite_file.writer is not None
    many = [sqlite_file.writer.submit(lambda _: time.sleep(0.002)) for _ in range(640)]
    other.run(adding("p"))
    assert not many[-1].done()
    other.close()
    wait(many)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_new_items_are_settled_before_anybody_comes(database_url: str, tmp_path: Path) -> None:
    folder = StudyFolder(study_folder(tmp_path / "study", 10))
    _, opened, _ = prepare(folder, load(folder.study_file), database_url=database_url)
    with opened.read() as connection:
        counted = connection.execute(text("SELECT reltuples, relallvisible FROM pg_class WHERE relname = 'item'")).one()
    opened.close()
    assert counted == (20, 1)


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
