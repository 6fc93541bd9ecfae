from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from pluralign.study import Study
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.researchers import accounts
from pluralign.survey.settings import Settings
from tests.survey.people import Person, take_part
from tests.survey.servers import study_folder
from tests.survey.small import NOW, fielded, small_study

PLAN = Plan(ratings_per_item=20)
SECRET = b"0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"
CHANGES: dict[str, object] = {
    "recruitment": {
        "platform": "open",
        "target": 20,
        "pay": {"amount": 2.5, "currency": "EUR", "minutes": 10},
    }
}
DEMOGRAPHICS = [("she", "old")] * 5 + [("he", "young")] * 5 + [("he", "undeclared")]
# Eleven people who finished and one who left after an item.
PEOPLE = [*(Person({"gender": gender, "age": age}) for gender, age in DEMOGRAPHICS), Person(items=1)]


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed slowly on purpose; the tests use the same function with less work."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "_hasher", quick)
    monkeypatch.setattr(accounts, "_NOBODY", quick.hash("nobody"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return study_folder(tmp_path / "study", 6, **CHANGES)


@pytest.fixture
def study(root: Path) -> Study:
    return small_study(root, **CHANGES)


@pytest.fixture
def settings(study: Study, database: Database, root: Path) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return Settings(study=study, plan=PLAN, database_url=url, secret=SECRET, words_folder=root)


@pytest.fixture
def ids(database: Database, study: Study) -> list[str]:
    """People who took part."""
    fielded(database, study, PLAN)
    return take_part(database, study, PLAN, PEOPLE)


@pytest.fixture
def client(database: Database, settings: Settings, ids: list[str]) -> Iterator[TestClient]:
    """A browser at a survey with people in it and two researchers; nobody is logged in."""
    assert ids
    database.run(lambda connection: accounts.add(connection, "Vera", PASSWORD, "viewer", NOW))
    database.run(lambda connection: accounts.add(connection, "Mara", PASSWORD, "manager", NOW))
    with TestClient(create_app(settings, database)) as browser:
        yield browser


def token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found.group(1))


def log_in(client: TestClient, name: str, password: str = PASSWORD) -> str:
    """Log in as a browser does; returns the page that follows."""
    page = client.get("/researchers/login").text
    return client.post("/researchers/login", data={"form_token": token(page), "name": name, "password": password}).text


@pytest.fixture
def viewer(client: TestClient) -> TestClient:
    assert "Log out" in log_in(client, "Vera")
    return client


@pytest.fixture
def manager(client: TestClient) -> TestClient:
    assert "Log out" in log_in(client, "Mara")
    return client
