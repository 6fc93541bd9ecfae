"""The same tests on SQLite and on a real PostgreSQL, started for the session as an unprivileged user; a browser."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pluralign.cli.corpus import import_demo
from pluralign.folder import StudyFolder
from pluralign.study import create, load
from pluralign.survey.database import Database
from pluralign.survey.serving import prepare
from tests.survey.servers import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server of our own, which need not survive a power cut; its URL without a database name."""
    try:
        with postgres("fsync=off") as url:
            yield url
    except LookupError as error:
        pytest.skip(str(error))


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


@pytest.fixture(scope="session")
def demo_survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's study with the demo corpus, its items in the database: a folder, to be copied."""
    root = tmp_path_factory.mktemp("demo") / "study"
    study = load(create(root, "gender-values"))
    import_demo(StudyFolder(root))
    prepare(StudyFolder(root), study)[1].close()
    return root


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window; skipped, saying so, where there is no Chromium or no Playwright.

    Not kept longer than a module: its event loop would be in the way of other tests.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser here; Debian's package is `chromium`")
    with playwright.sync_playwright() as playing:
        # Each launch makes a folder of its own for the browser's data and removes it.
        browser = playing.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
