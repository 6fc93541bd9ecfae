"""The same tests on SQLite and on a real PostgreSQL, started for the session as an unprivileged user."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pluralign.survey.database import Database


def _programs() -> Path | None:
    """The folder of PostgreSQL's server programs, which Debian keeps off the search path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server of our own; its URL without a database name."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs here; Debian's package is `postgresql`")
    # The server refuses to run as root, and another user must be able to reach its folder.
    user = "postgres" if os.geteuid() == 0 else None
    place = Path("/tmp") / f"pluralign-postgres-{secrets.token_hex(4)}"
    place.mkdir(mode=0o755)
    if user:
        shutil.chown(place, user)
    port, data = _free_port(), place / "data"

    def call(*command: object) -> None:
        subprocess.run([str(part) for part in command], check=True, user=user, capture_output=True, cwd=place)

    call(programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=off"
    call(programs / "pg_ctl", "-D", data, "-o", options, "-l", place / "log", "-w", "start")
    yield f"postgresql://postgres@127.0.0.1:{port}"
    call(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(place, ignore_errors=True)


def _migrated(url: str) -> str:
    opened = Database.open(url)
    opened.upgrade()
    opened.close()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty survey in a file, to be copied; making the tables anew for each test would take longest of all."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The same on the server; returns the server's URL."""
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_survey")
    _migrated(f"{postgres_server}/template_survey")
    return postgres_server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "survey.db")
        return f"sqlite:///{tmp_path / 'survey.db'}"
    server = request.getfixturevalue("postgres_template")
    name = f"survey_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_survey STRATEGY file_copy")
    return f"{server}/{name}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()
