"""Proxies, files that others could read, a database that is away, a disk that is full."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import consent, participant, rating
from pluralign.survey.settings import Settings
from tests.survey.servers import Server, study_folder
from tests.survey.small import PLAN, fielded, small_study
from tests.survey.test_pages import SECRET, begin, field, send


def test_the_database_and_its_log_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "survey.db"
    path.touch(mode=0o644)
    path.chmod(0o644)
    database = Database.open(f"sqlite:///{path}")
    database.upgrade()
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    database.close()
    assert modes == {"survey.db": 0o600, "survey.db-wal": 0o600, "survey.db-shm": 0o600}


class Passing(BaseHTTPRequestHandler):
    """Passes a request on from an address of this machine, and tells the server who the visitor is."""

    target: int
    address: str

    def do_GET(self) -> None:
        """Pass it on."""
        way = HTTPConnection("127.0.0.1", self.target, source_address=(self.address, 0))
        way.request("GET", self.path, headers={"X-Forwarded-For": self.headers["X-Visitor"]})
        answer = way.getresponse()
        body = answer.read()
        way.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def proxy(target: int, address: str) -> Iterator[Callable[[str], int]]:
    """A proxy at this address; what the survey answers through it to a visitor who guesses a link."""
    handler = type("Handler", (Passing,), {"target": target, "address": address})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/resume/guess"
        yield lambda visitor: httpx2.get(url, headers={"X-Visitor": visitor}).status_code
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_only_a_trusted_proxy_is_believed_about_who_visits(tmp_path: Path) -> None:
    root = study_folder(tmp_path / "study", n_prompts=2)
    options = ("--trusted-proxy", "127.0.0.1", "--attempts-per-minute", "2")
    server = Server(root, f"sqlite:///{tmp_path / 'survey.db'}", more=options).wait()
    with proxy(server.port, "127.0.0.1") as trusted, proxy(server.port, "127.0.0.2") as stranger:
        assert [trusted("192.0.2.1") for _ in range(3)] == [404, 404, 429]
        # Another visitor of the same proxy has an allowance of their own.
        assert trusted("192.0.2.2") == 404
        # A stranger cannot get a new one by naming a new visitor each time.
        assert [stranger(f"198.51.100.{number}") for number in range(3)] == [404, 404, 429]
    server.stop()


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    study = small_study(tmp_path)
    fielded(database, study)
    settings = Settings(study=study, plan=PLAN, database_url="", secret=SECRET)
    with TestClient(create_app(settings, database), raise_server_exceptions=False) as browser:
        yield browser


RATED = {"rating-toxicity": "1", "rating-helpfulness": "3", "check-0": "2"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_is_told_and_nothing_is_half_saved(client: TestClient, database: Database) -> None:
    page = begin(client)
    form = {"form_token": field(page, "form_token"), "consent-participation": "yes", "consent-opinion": "yes"}

    def no_more(connection: Any, *_: object) -> None:
        """The file may not grow: SQLite says of this what it says of a full disk."""
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    database.engine.dispose()
    event.listen(database.engine, "connect", no_more)
    begun = 0
    while True:
        # People come until the pages of the file are full.
        other = TestClient(client.app, raise_server_exceptions=False)
        other.cookies.set("pluralign_visit", client.cookies["pluralign_visit"])
        answer = other.post("/start", data=form, follow_redirects=False)
        if answer.status_code != 303:
            break
        begun += 1
        assert begun < 500
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(participant)).scalar_one() == 1 + begun
        assert connection.execute(select(func.count()).select_from(consent)).scalar_one() == 2 + 2 * begun
    event.remove(database.engine, "connect", no_more)
    database.engine.dispose()
    # There is room again: the person goes on where they were.
    send(client, "/rate", client.get("/rate").text, wish="next", **RATED)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(rating)).scalar_one() == 2


def test_while_the_database_is_away_people_are_told_and_go_on_afterwards(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = begin(client)
    which = field(page, "assignment")

    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection unexpectedly"))

    with monkeypatch.context() as patched:
        patched.setattr(database.engine.pool, "connect", away)
        form = {"form_token": field(page, "form_token"), "assignment": which, "wish": "next", **RATED}
        answer = client.post("/rate", data=form)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "60"
        assert client.get("/health").status_code == 503
    assert field(client.get("/rate").text, "assignment") == which
    send(client, "/rate", client.get("/rate").text, wish="next", **RATED)
    with database.read() as connection:
        assert set(connection.execute(select(rating.c.assignment)).scalars()) == {which}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/start", "/rate", "/researchers/login"])
def test_a_form_that_breaks_off_with_the_connection_is_no_mistake_of_ours(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
    scope |= {"headers": [(b"content-type", b"application/x-www-form-urlencoded")], "client": ("127.0.0.1", 1)}
    messages = iter([{"type": "http.request", "body": b"wish=ne", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level("ERROR"):
        asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 499
    assert not caplog.records
