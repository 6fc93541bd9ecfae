"""Every route: who may use it, and that nothing a stranger sends makes the server fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.recruitment.access import Access
from pluralign.survey.researchers.late import LateResearchers
from pluralign.survey.settings import Settings
from tests.survey.prolific_server import WEBHOOK_SECRET
from tests.survey.small import PLAN, fielded, small_study
from tests.survey.test_pages import SECRET, begin, field

# What somebody without a cookie gets: the page itself, "we cannot tell who you are", or "this form is not ours".
OPEN, UNKNOWN, NOT_OURS, NOT_SIGNED, NO_TOKEN = 200, 404, 403, 401, 404
PARTICIPANTS = {
    ("GET", "/"): OPEN,
    ("GET", "/start"): OPEN,
    ("POST", "/start"): NOT_OURS,
    ("GET", "/go"): UNKNOWN,
    ("GET", "/rate"): UNKNOWN,
    ("POST", "/rate"): NOT_OURS,
    ("GET", "/questions"): UNKNOWN,
    ("POST", "/questions"): NOT_OURS,
    ("GET", "/later"): UNKNOWN,
    ("GET", "/end"): UNKNOWN,
    ("GET", "/withdraw"): UNKNOWN,
    ("POST", "/withdraw"): NOT_OURS,
    ("GET", "/resume/{token}"): UNKNOWN,
    ("POST", "/prolific/events"): NOT_SIGNED,
    ("GET", "/health"): OPEN,
    ("GET", "/metrics"): NO_TOKEN,
}


def leaves(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route, but for the static files."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from leaves(route.routes, before + route.path)
        elif isinstance(route, LateResearchers):
            yield from leaves(list(route.routes), before)
        elif isinstance(route, Route):
            yield from ((method, before + route.path) for method in route.methods or () if method != "HEAD")


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Starlette:
    study = small_study(tmp_path, recruitment={"platform": "open", "target": 10**6})
    plan = Plan(ratings_per_item=10**6, tasks=("edit", "craft"))
    fielded(database, study, plan)
    known = Settings(study=study, plan=plan, database_url="", secret=SECRET, attempts_per_minute=10**9)
    return create_app(known, database)


def test_every_route_is_known_and_closed_to_strangers(app: Starlette) -> None:
    found = [(method, path) for method, path in leaves(app.routes) if not path.startswith("/researchers")]
    assert sorted(found) == sorted(PARTICIPANTS)
    with TestClient(app, follow_redirects=False) as client:
        for (method, path), wanted in PARTICIPANTS.items():
            answer = client.request(method, path.replace("{token}", "guess"))
            # This survey has no secret for Prolific's calls: their address does not exist.
            assert answer.status_code == (404 if path == "/prolific/events" else wanted), f"{method} {path}"


def test_every_page_of_the_researchers_is_closed_to_strangers(app: Starlette) -> None:
    pages = [(method, path) for method, path in leaves(app.routes) if path.startswith("/researchers")]
    assert len(pages) > 15
    with TestClient(app, follow_redirects=False) as client:
        for method, path in pages:
            answer = client.request(method, path.replace("{", "").replace("}", ""))
            inside = answer.status_code == 200 and "login" not in path
            assert not inside, f"{method} {path}"


ODD = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.sampled_from(
    [
        "lang",
        "PROLIFIC_PID",
        "prolific_token",
        "form_token",
        "assignment",
        "wish",
        "page",
        "rating-toxicity",
        "task-edit",
        "question-age",
    ]
)
NAMES_OR_ODD = NAMES | ODD
METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
BODIES = st.binary(max_size=300) | st.dictionaries(NAMES_OR_ODD, ODD, max_size=6)
TYPES = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "",
        "é",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept-Language", "HX-Request", "X-Prolific-Request-Timestamp", "X-Event-ID", "Authorization"]),
    st.binary(max_size=30).filter(lambda value: not set(value) & {0, 10, 13}),
    max_size=3,
)


@st.composite
def requests(draw: st.DrawFn, paths: list[str]) -> dict[str, Any]:
    path = re.sub(r"\{\w+(:\w+)?\}", "TOKEN", draw(st.sampled_from(paths)))
    segment = draw(ODD).replace("/", "").strip(".") or "x"
    body = draw(BODIES)
    headers: dict[str, bytes] = draw(HEADERS)
    found: dict[str, Any] = {
        "method": draw(METHODS),
        "url": path.replace("TOKEN", _quoted(segment)),
        "params": draw(st.dictionaries(NAMES_OR_ODD, ODD, max_size=3)),
        "headers": headers,
    }
    if isinstance(body, bytes):
        found |= {"content": body, "headers": headers | {"Content-Type": draw(TYPES).encode("latin-1")}}
    else:
        found |= {"data": body}
    if draw(st.booleans()):
        cookies = draw(st.dictionaries(st.sampled_from(["visit", "person", "language", "entry"]), ODD, max_size=3))
        pairs = (f"pluralign_{name}={_quoted(value)}" for name, value in cookies.items())
        found["headers"] = found["headers"] | {"Cookie": "; ".join(pairs).encode()}
    return found


def _raw(headers: dict[str, bytes]) -> Iterator[tuple[bytes, bytes]]:
    return ((name.encode(), value) for name, value in headers.items())


def _quoted(text: str) -> str:
    return quote(text, safe="")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_a_stranger_sends_makes_the_server_fail(app: Starlette, data: st.DataObject) -> None:
    paths = sorted({path for _, path in leaves(app.routes)} | {"/no/such/page", "/static/survey.css"})
    asked = data.draw(requests(paths))
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    answer = client.request(**asked)
    assert answer.status_code < 500, asked


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_a_participant_sends_makes_the_server_fail(app: Starlette, data: st.DataObject) -> None:
    with TestClient(app, raise_server_exceptions=False) as client:
        page = begin(client)
        ours = {"form_token": field(page, "form_token"), "assignment": field(page, "assignment")}
        for _ in range(3):
            where = data.draw(st.sampled_from(["/rate", "/questions", "/start"]))
            values = ODD | st.sampled_from(["1", "2", "next", "skip", "later", "language:de", "yes"])
            sent = ours | data.draw(st.dictionaries(NAMES_OR_ODD, values, max_size=5))
            answer = client.post(where, data=sent)
            assert answer.status_code < 500, (where, sent)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), headers=HEADERS)
def test_nothing_sent_to_prolifics_address_makes_the_server_fail(
    tmp_path: Path, database: Database, body: bytes, headers: dict[str, bytes]
) -> None:
    known = Settings(
        study=small_study(tmp_path),
        plan=PLAN,
        database_url="",
        secret=SECRET,
        prolific=Access(webhook_secret=WEBHOOK_SECRET),
    )
    client = TestClient(create_app(known, database), raise_server_exceptions=False)
    assert client.post("/prolific/events", content=body, headers=list(_raw(headers))).status_code in (400, 401, 413)


def test_a_form_token_in_strange_letters_is_not_ours(app: Starlette) -> None:
    with TestClient(app) as client:
        begin(client)
        assert client.post("/rate", data={"form_token": "ключ"}).status_code == 403
