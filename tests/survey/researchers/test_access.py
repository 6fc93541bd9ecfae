"""Who may see what: no page without an account, no release and no erasure without a manager's."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient

from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import attempt, audit, participant, researcher
from pluralign.survey.researchers import accounts
from pluralign.survey.researchers.desk import now
from pluralign.survey.researchers.late import LateResearchers
from pluralign.survey.settings import Settings
from tests.survey.researchers.conftest import PASSWORD, log_in, token
from tests.survey.small import NOW

OPEN = "/researchers/login"
OF_MANAGERS = {"/researchers/release", "/researchers/erase", "/researchers/log"}


def routes(client: TestClient) -> list[tuple[str, str]]:
    """(method, path) of every researchers' route of the running application."""
    found = [
        (method, route.path)
        for late in client.app.routes  # type: ignore[attr-defined]
        if isinstance(late, LateResearchers)
        for route in late.routes
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]
    assert len(found) > 10
    return found


def test_nothing_but_the_login_answers_without_a_session(client: TestClient) -> None:
    for method, path in routes(client):
        if path == OPEN:
            continue
        answer = client.request(method, path, follow_redirects=False)
        if method == "GET":
            assert (answer.status_code, answer.headers["location"]) == (303, OPEN), path
        else:
            assert answer.status_code == 403, path
        assert "Overview" not in answer.text


def test_a_forged_session_is_none(client: TestClient) -> None:
    log_in(client, "Mara")
    client.cookies.clear()
    for cookie in ("", "1", "1.", "1." + "0" * 64, "²." + "0" * 64, "9" * 30 + ".x", "x.y"):
        headers = {b"cookie": f"pluralign_researcher={cookie}".encode()}
        assert client.get("/researchers", headers=headers, follow_redirects=False).status_code == 303, cookie


def test_a_viewer_sees_but_neither_takes_out_nor_erases(viewer: TestClient, database: Database, ids: list[str]) -> None:
    page = viewer.get("/researchers").text
    assert "/researchers/erase" not in page
    for method, path in routes(viewer):
        if path in OF_MANAGERS:
            form = {"form_token": token(page), "code": ids[0], "sure": "yes", "k": "2", "level": "internal"}
            answer = viewer.request(method, path, data=form if method == "POST" else None)
            assert answer.status_code == 403, path
            assert "Ask somebody whose account is a manager" in answer.text
        elif method == "GET" and path != OPEN:
            assert viewer.get(path).status_code in (200, 404), path
    with database.read() as connection:
        assert len(connection.execute(select(participant)).all()) == len(ids)


def test_a_manager_opens_every_page(manager: TestClient) -> None:
    for path in OF_MANAGERS:
        assert manager.get(path).status_code == 200, path


def test_a_form_of_another_site_or_another_session_is_refused(
    manager: TestClient, settings: Settings, database: Database, ids: list[str]
) -> None:
    with TestClient(create_app(settings, database)) as other:
        log_in(other, "Vera")
        theirs = token(other.get("/researchers").text)
    for wrong in ("", "0" * 64, theirs):
        form = {"form_token": wrong, "code": ids[0], "sure": "yes"}
        assert manager.post("/researchers/erase", data=form).status_code == 403
    with database.read() as connection:
        assert len(connection.execute(select(participant)).all()) == len(ids)


def test_a_login_from_another_site_is_refused(client: TestClient) -> None:
    answer = client.post("/researchers/login", data={"name": "Mara", "password": PASSWORD})
    assert answer.status_code == 403
    assert client.get("/researchers", follow_redirects=False).status_code == 303


def test_wrong_names_and_passwords_are_told_apart_by_nobody(client: TestClient) -> None:
    pages = [log_in(client, name, "wrong horse battery") for name in ("Mara", "Nobody")]
    assert all("No account has this name and password" in page for page in pages)
    assert token(pages[0]) == token(pages[1])
    assert pages[0] == pages[1]


def test_guessing_is_stopped(client: TestClient) -> None:
    statuses = []
    page = client.get("/researchers/login").text
    for _ in range(11):
        form = {"form_token": token(page), "name": "Mara", "password": "wrong horse battery"}
        statuses.append(client.post("/researchers/login", data=form).status_code)
    assert statuses == [401] * 10 + [429]
    assert "Too many attempts" in log_in(client, "Mara")


def test_guesses_are_counted_over_all_processes_and_forgotten_after_a_while(
    client: TestClient, settings: Settings, database: Database
) -> None:
    for _ in range(6):
        log_in(client, "Mara", "wrong horse battery")
    with TestClient(create_app(settings, database)) as other:
        for _ in range(4):
            assert "No account has" in log_in(other, "Mara", "wrong horse battery")
        assert "Too many attempts" in log_in(other, "Mara")
        with database.read() as connection:
            keys = connection.execute(select(attempt.c.key)).scalars().all()
        assert [len(key) for key in keys] == [64, 64]
        past = now() - 1.01 * accounts.WINDOW
        database.run(lambda connection: connection.execute(update(attempt).values(since=past)))
        assert "Log out" in log_in(other, "Mara")


def test_logging_out_ends_every_session(manager: TestClient, settings: Settings, database: Database) -> None:
    with TestClient(create_app(settings, database)) as other:
        log_in(other, "Mara")
        assert other.get("/researchers", follow_redirects=False).status_code == 200
        form = {"form_token": token(manager.get("/researchers").text)}
        assert manager.post("/researchers/logout", data=form, follow_redirects=False).status_code == 303
        for browser in (manager, other):
            assert browser.get("/researchers", follow_redirects=False).status_code == 303
    assert "Log out" in log_in(manager, "Mara")


def test_a_session_ends_after_half_a_day(manager: TestClient, database: Database) -> None:
    long_ago = NOW - timedelta(days=400)
    database.run(lambda connection: connection.execute(update(audit).values(at=long_ago)))
    assert manager.get("/researchers", follow_redirects=False).status_code == 303


def test_a_session_of_a_database_begun_anew_is_another(database: Database) -> None:
    secret = b"s" * 32

    def session(name: str) -> str:
        database.run(lambda connection: accounts.add(connection, name, PASSWORD, "manager", NOW))
        return database.run(lambda connection: accounts.log_in(connection, secret, name, NOW))

    first = session("Ada")
    for table in (audit, researcher):
        database.run(lambda connection, table=table: connection.execute(delete(table)))  # type: ignore[misc]
    session("Bea")
    with database.read() as connection:
        assert accounts.who(connection, secret, first, NOW) is None


def test_a_removed_account_has_no_session_even_when_made_again(manager: TestClient, database: Database) -> None:
    database.run(lambda connection: accounts.remove(connection, "Mara", NOW))
    assert manager.get("/researchers", follow_redirects=False).status_code == 303
    database.run(lambda connection: accounts.add(connection, "Mara", PASSWORD, "manager", NOW))
    assert manager.get("/researchers", follow_redirects=False).status_code == 303


def test_the_cookie_is_for_these_pages_and_no_script(client: TestClient) -> None:
    page = client.get("/researchers/login").text
    form = {"form_token": token(page), "name": "Mara", "password": PASSWORD}
    cookie = client.post("/researchers/login", data=form, follow_redirects=False).headers["set-cookie"].lower()
    for part in ("httponly", "samesite=lax", "path=/researchers"):
        assert part in cookie


def test_the_password_is_stored_as_an_argon2_hash(client: TestClient, database: Database) -> None:
    assert client
    with database.read() as connection:
        stored = connection.execute(select(researcher.c.password_hash)).scalars().all()
    assert all(each.startswith("$argon2id$") and PASSWORD not in each for each in stored)


def test_pages_keep_the_safe_headers(manager: TestClient) -> None:
    headers = manager.get("/researchers").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_pages_work_without_inline_style_or_script(manager: TestClient, ids: list[str]) -> None:
    paths = [path for method, path in routes(manager) if method == "GET" and path != OPEN]
    for path in (*paths, f"/researchers/person?key={ids[0]}", "/researchers/item?key=p000-none"):
        page = manager.get(path).text
        assert not re.search(r"<script(?![^>]* src=)", page), path
        assert "style=" not in page, path


ODD = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["1", "0", "-1", "yes", "public", "internal"]
)
NAMES = st.sampled_from(
    ["page", "by", "key", "flagged", "code", "sure", "level", "k", "known", "licence", "name", "fit"]
)


@settings_of_hypothesis(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_a_manager_sends_makes_the_server_fail(client: TestClient, data: st.DataObject) -> None:
    """Every route with odd fields, in a session and with a form of its own."""
    if "Log out" not in client.get("/researchers").text:
        client.cookies.clear()
        log_in(client, "Mara")
    mine = token(client.get("/researchers").text)
    quiet = TestClient(client.app, raise_server_exceptions=False, cookies=client.cookies, follow_redirects=False)
    method, path = data.draw(st.sampled_from([each for each in routes(client) if "logout" not in each[1]]))
    fields = data.draw(st.dictionaries(NAMES | ODD, ODD, max_size=5))
    path = re.sub(r"\{[^}]*\}", lambda _: quote(data.draw(ODD).replace("/", "") or "x", safe=""), path)
    sent = {"params": fields} if method == "GET" else {"data": fields | {"form_token": mine}}
    assert quiet.request(method, path, **sent).status_code < 500, (method, path, fields)  # type: ignore[arg-type]
