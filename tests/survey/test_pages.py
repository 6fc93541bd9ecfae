"""The participants' pages over HTTP: consent, items, questions, the end, and what people do to them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from pluralign.study import Study
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import assignment, consent, item, participant, prompt, rating
from pluralign.survey.settings import Settings
from pluralign.survey.words import words
from tests.survey.small import NOW, PLAN, fielded, small_study

CONSENT = {"consent-participation": "yes", "consent-opinion": "yes"}
RATED = {"rating-toxicity": "1", "rating-helpfulness": "3", "check-0": "2"}
SECRET = b"0123456789abcdef0123456789abcdef"


def settings(study: Study, database: Database) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return Settings(
        study=study,
        plan=PLAN,
        database_url=url,
        secret=SECRET,
        codes={"finished": "CODE123"},
        completion_url="https://app.prolific.com/submissions/complete",
    )


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path)


@pytest.fixture
def client(database: Database, study: Study) -> Iterator[TestClient]:
    fielded(database, study)
    with TestClient(create_app(settings(study, database), database)) as browser:
        yield browser


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return html.unescape(found.group(1))


def send(client: TestClient, where: str, page: str, **fields: str) -> str:
    """Fill in and send the form of a page, as a browser without JavaScript does; returns the page that follows."""
    given = {"form_token": field(page, "form_token"), **fields}
    if 'name="assignment"' in page:
        given |= {"assignment": field(page, "assignment")}
    return client.post(where, data=given).text


def begin(client: TestClient) -> str:
    return send(client, "/start", client.get("/?lang=en").text, **CONSENT)


def count(database: Database, table: object) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_a_whole_visit_ends_with_the_code(client: TestClient, database: Database) -> None:
    page = begin(client)
    for number in range(1, 4):
        assert f"Answer {number} of 3" in page
        page = send(client, "/rate", page, wish="next", **RATED)
    assert "About you" in page
    assert "CODE123" not in client.get("/end").text
    page = send(client, "/questions", page, **{"question-gender": "she", "question-age": "undeclared"})
    assert "CODE123" in page
    assert "complete?cc=CODE123" in page
    assert count(database, rating) == 6
    assert "CODE123" in client.get("/").text


def test_no_page_opens_without_consent(client: TestClient, database: Database) -> None:
    page = send(client, "/start", client.get("/").text, **{"consent-participation": "yes"})
    assert "tick every box" in page
    assert count(database, participant) == count(database, consent) == 0
    for path in ("/rate", "/questions", "/end", "/go", "/later", "/withdraw"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "CODE123" not in answer.text


def test_what_is_missing_is_named_and_what_was_chosen_stays(client: TestClient, database: Database) -> None:
    page = send(client, "/rate", begin(client), wish="next", **{"rating-toxicity": "3"})
    assert "Something is missing" in page
    assert 'href="#rating-helpfulness"' in page
    assert 'href="#rating-toxicity"' not in page
    assert re.search(r'name="rating-toxicity" value="3" checked', page)
    assert count(database, rating) == 1
    assert "Answer 1 of 3" in client.get("/rate").text


def test_an_answer_is_saved_when_it_is_given(client: TestClient) -> None:
    page = begin(client)
    fields = {"form_token": field(page, "form_token"), "assignment": field(page, "assignment"), "rating-toxicity": "2"}
    answer = client.post("/rate", data=fields, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (200, "Saved.")
    assert re.search(r'name="rating-toxicity" value="2" checked', client.get("/rate").text)


def test_changing_the_language_keeps_what_was_chosen(client: TestClient) -> None:
    page = send(client, "/rate", begin(client), wish="language:de", **{"rating-toxicity": "2"})
    assert '<html lang="de">' in page
    assert "Antwort 1 von 3" in page
    assert re.search(r'name="rating-toxicity" value="2" checked', page)


def test_a_double_click_and_the_back_button_count_once(client: TestClient, database: Database) -> None:
    page = begin(client)
    after = [send(client, "/rate", page, wish="next", **RATED) for _ in range(3)]
    assert all("Answer 2 of 3" in each for each in after)
    assert count(database, rating) == 2


def test_two_windows_show_the_same_item(client: TestClient) -> None:
    begin(client)
    first, second = client.get("/rate").text, client.get("/rate").text
    assert field(first, "assignment") == field(second, "assignment")


def test_a_link_goes_on_on_another_device(client: TestClient, study: Study, database: Database) -> None:
    page = send(client, "/rate", begin(client), wish="later", **{"rating-toxicity": "3"})
    link = re.search(r'href="http://testserver(/resume/[^"]+)"', page)
    assert link is not None
    with TestClient(create_app(settings(study, database), database)) as other:
        assert re.search(r'name="rating-toxicity" value="3" checked', other.get(link.group(1)).text)


def severe(database: Database, severity: str) -> None:
    database.run(lambda connection: connection.execute(update(item).values(severity=severity)))


def test_a_strongly_offensive_answer_is_hidden_behind_a_warning_with_a_way_out(
    client: TestClient, database: Database
) -> None:
    severe(database, "strong")
    page = begin(client)
    assert re.search(r'(?s)very distressing.*name="wish" value="skip">.*<details class="veil">.*<p class="text">', page)
    assert not re.search(r'answered">[^<]*</h2>\s*<p class="text">', page)
    assert "sehr belastend" in send(client, "/rate", page, wish="language:de")
    assert "Antwort 2 von 3" in send(client, "/rate", page, wish="skip")


@pytest.mark.parametrize(
    ("warn", "severity", "warned"),
    [("strong", "mild", ""), ("mild", "mild", "somewhat"), ("mild", "strong", "very"), ("never", "strong", "")],
)
def test_the_study_file_says_from_which_severity_on_people_are_warned(
    tmp_path: Path, database: Database, warn: str, severity: str, warned: str
) -> None:
    study = small_study(tmp_path, corpus={"review": {"warn": warn}})
    fielded(database, study)
    severe(database, severity)
    with TestClient(create_app(settings(study, database), database)) as client:
        page = begin(client)
    assert (f"found this answer {warned} distressing" in page) == bool(warned)
    assert ('class="veil"' in page) == bool(warned)


def test_the_box_in_which_a_hidden_answer_is_edited_is_hidden_too(study: Study, database: Database) -> None:
    fielded(database, study)
    severe(database, "strong")
    plan = replace(PLAN, tasks=("edit", "craft"))
    with TestClient(create_app(replace(settings(study, database), plan=plan), database)) as browser:
        page = begin(browser)
    assert re.search(r'<details class="veil"><summary>[^<]*</summary>\s*<textarea id="task-edit"', page)
    assert not re.search(r'</summary>\s*<textarea id="task-craft"', page)


def test_withdrawing_deletes_everything_and_forgets_the_browser(client: TestClient, database: Database) -> None:
    send(client, "/rate", begin(client), wish="next", **RATED)
    page = client.get("/withdraw").text
    assert "cannot be undone" in page
    assert "gone" in send(client, "/withdraw", page)
    for table in (participant, rating, assignment, consent):
        assert count(database, table) == 0
    assert client.get("/go").status_code == 404


def test_erased_answers_leave_no_byte_in_the_file(study: Study, database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's files are the server's to clear")
    fielded(database, study)
    with TestClient(create_app(settings(study, database), database)) as browser:
        begin(browser)
        with database.read() as connection:
            identifier = connection.execute(select(participant.c.participant)).scalar_one()
        files = [Path(str(database.engine.url.database) + suffix) for suffix in ("", "-wal")]
        assert any(identifier.encode() in path.read_bytes() for path in files)
        send(browser, "/withdraw", browser.get("/withdraw").text)
        assert not any(identifier.encode() in path.read_bytes() for path in files if path.exists())


def test_a_form_of_another_site_is_refused(client: TestClient, database: Database) -> None:
    page = begin(client)
    fields = {"assignment": field(page, "assignment"), "wish": "next", **RATED}
    assert client.post("/rate", data=fields).status_code == 403
    assert client.post("/rate", data={**fields, "form_token": "0" * 64}).status_code == 403
    assert count(database, rating) == 0


def test_a_browser_without_cookies_is_told_so(client: TestClient) -> None:
    page = client.get("/").text
    client.cookies.clear()
    answer = client.post("/start", data={"form_token": field(page, "form_token")})
    assert answer.status_code == 403
    assert words("en")["cookies_text"] in answer.text


@pytest.mark.parametrize("asks", [True, False], ids=["screening", "no-screening"])
def test_who_comes_too_late_is_told_what_is_kept(database: Database, tmp_path: Path, asks: bool) -> None:
    quotas = [{"where": {"gender": "she"}, "raters": 1}] if asks else []
    study = small_study(tmp_path, recruitment={"platform": "open", "target": 1, "quotas": quotas})
    fielded(database, study)
    with TestClient(create_app(settings(study, database), database)) as client:
        page = begin(client)
        if asks:
            page = send(client, "/questions", page, **{"question-gender": "she"})
        first = client.cookies["pluralign_person"]
        with database.engine.begin() as connection:
            connection.execute(update(participant).values(seen_at=NOW))
        client.cookies.clear()
        page = begin(client)
        if asks:
            page = send(client, "/questions", page, **{"question-gender": "she"})
        assert "<h1>Answer 1 of 3</h1>" in page
        client.cookies.clear()
        back = html.unescape(client.get(f"/resume/{first}").text)
        assert words("en")["end_place_lost_text"] in back
        assert words("en")["receipt_label"] in back
        client.cookies.clear()
        page = begin(client)
        if asks:
            page = send(client, "/questions", page, **{"question-gender": "she"})
        assert words("en")["end_quota_full_text" if asks else "end_full_text"] in html.unescape(page)
        assert words("en")["receipt_label"] not in page


def test_nobody_rates_in_anothers_place(client: TestClient, study: Study, database: Database) -> None:
    mine = begin(client)
    with TestClient(create_app(settings(study, database), database)) as other:
        theirs = begin(other)
        fields = {"form_token": field(theirs, "form_token"), "assignment": field(mine, "assignment"), "wish": "next"}
        assert "saved already" in other.post("/rate", data={**fields, **RATED}).text
    assert count(database, rating) == 0


def test_hostile_texts_are_shown_as_text(client: TestClient, database: Database) -> None:
    hostile = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    texts = {"en": hostile, "de": hostile}
    database.run(lambda connection: connection.execute(item.update().values(texts=texts)))
    database.run(lambda connection: connection.execute(prompt.update().values(texts=texts)))
    page = begin(client)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("wrong", ["9", "0", "x", "²", "", "1; DROP TABLE rating", "\x00"])
def test_an_answer_that_is_not_offered_is_not_saved(client: TestClient, database: Database, wrong: str) -> None:
    send(client, "/rate", begin(client), wish="keep", **{"rating-toxicity": wrong})
    assert count(database, rating) == 0


def test_a_huge_form_is_refused_with_a_page(client: TestClient) -> None:
    page = begin(client)
    answer = client.post("/rate", data={"form_token": field(page, "form_token"), "x": "y" * 200_000})
    assert answer.status_code == 413
    assert "too much text" in answer.text


def test_pages_carry_safe_headers_and_cookies(client: TestClient) -> None:
    answer = client.get("/")
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    started = client.post("/start", data={"form_token": field(answer.text, "form_token"), **CONSENT})
    cookies = [cookie for each in (answer, *started.history) for cookie in each.headers.get_list("set-cookie")]
    names = ("pluralign_visit", "pluralign_language", "pluralign_person")
    assert all(sum(cookie.startswith(f"{name}=") for cookie in cookies) == 1 for name in names)
    assert all("HttpOnly" in cookie and "SameSite=lax" in cookie for cookie in cookies if cookie.startswith(names))
    # What the browser has is not set again.
    assert "set-cookie" not in client.get("/rate").headers


def test_the_language_is_the_browsers_then_the_one_chosen(client: TestClient) -> None:
    assert '<html lang="de">' in client.get("/", headers={"Accept-Language": "fr, de-AT;q=0.8"}).text
    assert '<html lang="en">' in client.get("/?lang=en", headers={"Accept-Language": "de"}).text
    assert '<html lang="en">' in client.get("/", headers={"Accept-Language": "de"}).text


def test_an_unknown_page_says_where_to_go(client: TestClient) -> None:
    answer = client.get("/no/such/page")
    assert answer.status_code == 404
    assert 'href="/"' in answer.text


def test_when_the_database_is_away_people_are_told_that_nothing_is_lost(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    page = begin(client)

    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(type(database), "run", away)
    answer = client.post("/rate", data={"form_token": field(page, "form_token")})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "Nothing you saved before is lost" in answer.text


def test_a_skip_counts_and_leaves_no_rating(client: TestClient, database: Database) -> None:
    page = begin(client)
    for _ in range(3):
        page = send(client, "/rate", page, wish="skip")
    assert "About you" in page
    assert count(database, rating) == 0


def test_who_answers_after_the_place_was_given_on_is_told_so(client: TestClient, database: Database) -> None:
    page = begin(client)
    mine = field(page, "assignment")
    which = select(assignment.c.item).where(assignment.c.assignment == mine).scalar_subquery()
    gone = assignment.update().where(assignment.c.assignment == mine).values(state="expired")
    database.run(lambda connection: connection.execute(gone))
    database.run(lambda connection: connection.execute(item.update().where(item.c.item == which).values(taken=2)))
    page = send(client, "/rate", page, wish="next", **RATED)
    assert "You were away for a while" in page
    assert "Answer 1 of 3" in page
    assert field(page, "assignment") != mine
    assert count(database, rating) == 2
    assert "Answer 2 of 3" in send(client, "/rate", page, wish="next", **RATED)


def test_a_study_that_asks_first_shows_the_questions_before_the_items(database: Database, tmp_path: Path) -> None:
    study = small_study(tmp_path, fielding={"demographics": "before"})
    fielded(database, study)
    before = replace(settings(study, database), plan=replace(PLAN, demographics="before"))
    with TestClient(create_app(before, database)) as client:
        page = begin(client)
        assert "About you" in page
        page = send(client, "/questions", page, **{"question-gender": "he", "question-age": "undeclared"})
        for number in range(1, 4):
            assert f"Answer {number} of 3" in page
            page = send(client, "/rate", page, wish="next", **RATED)
        assert "CODE123" in page


def test_the_language_can_be_changed_on_every_page(client: TestClient) -> None:
    begin(client)
    pages = [client.get(path).text for path in ("/later", "/withdraw")]
    pages.append(send(client, "/withdraw", pages[-1]))
    for page in pages:
        switch = re.search(r'href="(/\w*\?lang=de)"', page)
        assert switch is not None
        assert '<html lang="de">' in client.get(switch.group(1)).text
        begin(client)
