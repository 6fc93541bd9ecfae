"""Questions about the person, page by page: what is chosen is kept, and nothing is sent off but by its own button."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from pluralign.study import Study
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import answer, participant
from pluralign.survey.participants.shown import page_of_questions, question_pages, standing
from tests.survey.small import PLAN, fielded, small_study
from tests.survey.test_pages import begin, field, send, settings

# Which parties are offered hangs on the country, so that it is asked a page later.
DEMOGRAPHICS = [
    {
        "key": "country",
        "question": {"en": "Country", "de": "Land"},
        "reference": "de",
        "options": [{"code": code, "label": {"en": code, "de": code}} for code in ("de", "us")],
    },
    {
        "key": "age",
        "question": {"en": "Age", "de": "Alter"},
        "reference": "young",
        "options": [{"code": code, "label": {"en": code, "de": code}} for code in ("young", "old")],
    },
    {
        "key": "party",
        "question": {"en": "Party", "de": "Partei"},
        "reference": "spd",
        "options": [
            {"code": "spd", "label": {"en": "SPD", "de": "SPD"}, "when": {"country": ["de"]}},
            {"code": "dem", "label": {"en": "Democrats", "de": "Demokraten"}, "when": {"country": ["us"]}},
        ],
    },
]
KEYS = ("country", "age", "party")
FIRST_PAGE = {"question-country": "de", "question-age": "old"}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    formula = {"formula": "rating ~ age + (1 | rater)"}
    return small_study(tmp_path, demographics=DEMOGRAPHICS, analysis=formula, fielding={"demographics": "before"})


@pytest.fixture
def client(database: Database, study: Study) -> Iterator[TestClient]:
    fielded(database, study)
    before = replace(settings(study, database), plan=replace(PLAN, demographics="before"))
    with TestClient(create_app(before, database)) as browser:
        yield browser


def given(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return {row.question: row.code for row in connection.execute(select(answer.c.question, answer.c.code))}


def fill(client: TestClient, shown: str, wish: str, **given: str) -> str:
    """Send the questions of the page shown, with the number of the page as a browser sends it."""
    fields = {"form_token": field(shown, "form_token"), "page": field(shown, "page"), "wish": wish, **given}
    return client.post("/questions", data=fields).text


def chosen(page: str) -> list[str]:
    return re.findall(r'name="question-(\w+)" value="\w+" checked', page)


def test_a_question_whose_answers_hang_on_another_comes_a_page_later(study: Study) -> None:
    assert question_pages(study, KEYS) == (("country", "age"), ("party",))
    assert question_pages(study, ("age", "party")) == (("age", "party"),)
    assert question_pages(study, ()) == ((),)


def test_the_page_shown_is_the_first_with_something_open_or_an_earlier_one_that_is_wanted(study: Study) -> None:
    half, full = {"country": "de"}, {"country": "de", "age": "old"}
    assert [page_of_questions(study, KEYS, known, None) for known in ({}, half, full)] == [0, 0, 1]
    assert page_of_questions(study, KEYS, full | {"party": "spd"}, None) == 1
    assert [page_of_questions(study, KEYS, full, wanted) for wanted in (0, 1, 99)] == [0, 1, 1]
    assert page_of_questions(study, KEYS, half, 1) == 0


def test_an_answer_stands_only_while_it_is_offered(study: Study) -> None:
    assert standing(study, {"country": "us", "party": "spd"}) == {"country": "us"}
    assert standing(study, {"country": "de", "party": "spd"}) == {"country": "de", "party": "spd"}
    assert standing(study, {"country": "us", "party": "undeclared"}) == {"country": "us", "party": "undeclared"}


def test_a_change_of_language_keeps_the_page_and_what_is_chosen_even_when_nothing_is_left_open(
    client: TestClient,
) -> None:
    page = fill(client, begin(client), "language:de", **FIRST_PAGE)
    assert '<html lang="de">' in page
    assert chosen(page) == ["country", "age"]
    page = fill(client, page, "next", **FIRST_PAGE)
    page = fill(client, page, "language:en", **{"question-party": "spd"})
    assert '<html lang="en">' in page
    assert chosen(page) == ["party"]
    assert "Answer 1 of 3" in fill(client, page, "next", **{"question-party": "spd"})


def test_what_was_chosen_stays_beside_what_is_missing(client: TestClient, database: Database) -> None:
    page = fill(client, begin(client), "next", **{"question-age": "old"})
    assert 'href="#question-country"' in page
    assert 'href="#question-age"' not in page
    assert chosen(page) == ["age"]
    assert given(database) == {"age": "old"}


def test_an_answer_is_saved_when_it_is_given_and_sends_nothing_off(client: TestClient, database: Database) -> None:
    token = field(begin(client), "form_token")
    kept = client.post("/questions", data={"form_token": token, **FIRST_PAGE}, headers={"HX-Request": "true"})
    assert (kept.status_code, kept.text) == (200, "Saved.")
    kept = client.post(
        "/questions",
        data={"form_token": token, "question-party": "spd", "wish": "next"},
        headers={"HX-Request": "true"},
    )
    assert given(database) == {"country": "de", "age": "old", "party": "spd"}
    assert chosen(client.get("/questions").text) == ["party"]
    with database.read() as connection:
        assert connection.execute(select(participant.c.state)).scalar_one() == "demographics"


def test_later_keeps_what_is_chosen(client: TestClient, database: Database) -> None:
    page = fill(client, begin(client), "later", **{"question-age": "old"})
    assert "/resume/" in page
    assert given(database) == {"age": "old"}


def test_going_back_and_changing_an_answer_asks_again_what_hung_on_it(client: TestClient, database: Database) -> None:
    first = begin(client)
    second = fill(client, first, "next", **FIRST_PAGE)
    fill(client, second, "language:de", **{"question-party": "spd"})
    again = fill(client, first, "next", **(FIRST_PAGE | {"question-country": "us"}))
    assert "Demokraten" in again
    assert chosen(again) == []
    assert "Antwort 1 von 3" in fill(client, again, "next", **{"question-party": "dem"})
    assert given(database) == {"country": "us", "age": "old", "party": "dem"}


def test_a_page_that_has_been_left_says_so_to_the_script(client: TestClient, database: Database) -> None:
    page = fill(client, begin(client), "next", **FIRST_PAGE)
    token = field(page, "form_token")
    fill(client, page, "next", **{"question-party": "spd"})
    late = client.post("/questions", data={"form_token": token, **FIRST_PAGE}, headers={"HX-Request": "true"})
    assert late.status_code == 409
    assert given(database)["party"] == "spd"


def test_the_language_of_the_agreement_changes_without_a_tick_lost_or_anything_stored(
    client: TestClient, database: Database
) -> None:
    page = send(client, "/start", client.get("/?lang=en").text, wish="language:de", **{"consent-opinion": "yes"})
    assert '<html lang="de">' in page
    assert re.findall(r'name="consent-(\w+)" value="yes" checked', page) == ["opinion"]
    everything = {"consent-opinion": "yes", "consent-participation": "yes"}
    page = send(client, "/start", page, wish="language:en", **everything)
    assert page.count('value="yes" checked') == 2
    with database.read() as connection:
        assert connection.execute(select(participant.c.participant)).all() == []
    assert '<html lang="en">' in client.get("/start").text
    assert '<html lang="en">' in send(client, "/start", page, wish="language:xx", **everything)
