"""A real PostgreSQL that goes away, whose disk is full, in whose files nobody who withdrew is left."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import assignment, audit, consent, participant, rating
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.operation.backup import backup
from pluralign.survey.operation.sweeping import write_anew
from pluralign.survey.participants.session import now
from pluralign.survey.settings import Settings
from tests.survey.servers import Postgres, own_postgres
from tests.survey.small import fielded, small_study
from tests.survey.test_pages import SECRET, begin, field, send

pytestmark = pytest.mark.postgres

# Small files, and none kept for later use, so that a disk of 120 MiB has room for the server and little else.
OPTIONS = ("fsync=off", "min_wal_size=2MB", "max_wal_size=8MB", "wal_recycle=off", "autovacuum=off")
ANSWERS = {"rating-toxicity": "1", "rating-helpfulness": "3", "check-0": "2"}
WRITTEN = "a sentence that nobody else has written"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small file system of its own, for which the tests must be run by root."""
    place = Path("/tmp") / tmp_path_factory.mktemp("disk").name
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=120m,mode=755", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    yield place
    if mounted:
        subprocess.run(["umount", str(place)], check=True)
    with suppress(OSError):
        place.rmdir()


@pytest.fixture(scope="module")
def server(disk: Path) -> Iterator[Postgres]:
    try:
        with own_postgres(*OPTIONS, within=disk, initial=("--wal-segsize=1",)) as server:
            yield server
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    name = f"survey_{time.monotonic_ns()}"
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    opened = Database.open(f"{server.url}/{name}")
    opened.upgrade()
    yield opened
    opened.close()
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}".encode())


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    study, plan = small_study(tmp_path, fielding={"tasks": ["craft"]}), Plan(ratings_per_item=500, tasks=("craft",))
    fielded(database, study, plan)
    settings = Settings(study=study, plan=plan, database_url="", secret=SECRET)
    with TestClient(create_app(settings, database), raise_server_exceptions=False) as browser:
        yield browser


def counted(database: Database) -> dict[str, int]:
    with database.read() as connection:
        tables = (participant, consent, assignment, rating)
        return {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_server_that_goes_away_for_seconds_costs_nobody_an_answer(
    client: TestClient, database: Database, server: Postgres
) -> None:
    page = begin(client)
    which = field(page, "assignment")
    form = {"form_token": field(page, "form_token"), "assignment": which, "wish": "next", **ANSWERS, "task-craft": "x"}
    server.stop()
    # Connections that were open break, then no new one can be made: the person is told the same each time.
    for answer in (client.post("/rate", data=form), client.post("/rate", data=form), client.get("/rate")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "saved" in answer.text
    assert client.get("/health").status_code == 503
    time.sleep(3)
    server.start()
    until(lambda: client.get("/health").status_code == 200)
    # Sent again, as by the button of a page that was kept open; and once more, by a double click.
    for _ in range(2):
        assert client.post("/rate", data=form).status_code == 200
    assert counted(database) == {"participant": 1, "consent": 2, "assignment": 2, "rating": 2}


def test_a_full_disk_is_told_and_nothing_is_half_saved(client: TestClient, database: Database, disk: Path) -> None:
    if not os.path.ismount(disk):
        pytest.skip("only root can make a small file system to fill")
    page = begin(client)
    form = {"form_token": field(page, "form_token"), "consent-participation": "yes", "consent-opinion": "yes"}
    visit, filler, begun = client.cookies["pluralign_visit"], disk / "filler", 1
    room = os.statvfs(disk)
    with filler.open("wb") as file, suppress(OSError):
        file.write(bytes(room.f_bavail * room.f_frsize - 300_000))
    while True:
        other = TestClient(client.app, raise_server_exceptions=False)
        other.cookies.set("pluralign_visit", visit)
        answer = other.post("/start", data=form, follow_redirects=False)
        if answer.status_code != 303:
            break
        begun += 1
        assert begun < 2000
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    filler.unlink()
    # A PostgreSQL that could not write its log restarts by itself or is started again; either way the survey goes on.
    until(lambda: client.get("/health").status_code == 200)
    send(client, "/rate", client.get("/rate").text, wish="next", **ANSWERS, **{"task-craft": "x"})
    found = counted(database)
    assert (found["participant"], found["consent"], found["rating"]) == (begun, 2 * begun, 2)


def test_nobody_who_withdrew_is_left_in_the_files(
    client: TestClient, database: Database, server: Postgres, tmp_path: Path
) -> None:
    begin(TestClient(client.app))
    page = begin(client)
    which, token = field(page, "assignment"), client.cookies["pluralign_person"]
    send(client, "/rate", page, wish="next", **ANSWERS, **{"task-craft": WRITTEN})
    with database.read() as connection:
        who = connection.execute(select(assignment.c.participant).where(assignment.c.assignment == which)).scalar_one()
    traces = [text.encode() for text in (who, which, token, WRITTEN)]
    # What PostgreSQL knows about its columns has samples of them.
    autocommit(database, "ANALYZE")
    autocommit(database, "CHECKPOINT")
    assert files_with(server.data, traces[0]) != []
    send(client, "/withdraw", client.get("/withdraw").text)
    later = now() + timedelta(minutes=1)
    with database.engine.connect() as reader:
        # Somebody has been reading since before: the rows would be kept for them.
        reader.exec_driver_sql("SELECT 1")
        assert not write_anew(database, later)
    until(lambda: write_anew(database, later))
    assert not write_anew(database, later)
    for _ in range(2):
        autocommit(database, "SELECT pg_switch_wal()")
        autocommit(database, "CHECKPOINT")
    assert [file for trace in traces for file in files_with(server.data, trace)] == []
    backup(database, tmp_path / "new-backup")
    command = ["pg_restore", "--file=-", str(tmp_path / "new-backup")]
    restored = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"COPY public.participant" in restored
    assert not any(trace in restored for trace in traces)
    with database.read() as connection:
        assert connection.execute(select(audit.c.who)).scalars().all() == ["pluralign"]
    assert counted(database) == {"participant": 1, "consent": 2, "assignment": 1, "rating": 0}


def autocommit(database: Database, statement: str) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(statement)


def files_with(data: Path, trace: bytes) -> list[str]:
    """Files of the server, its log of changes among them, that contain these bytes."""
    return [str(path.relative_to(data)) for path in data.rglob("*") if path.is_file() and trace in path.read_bytes()]
