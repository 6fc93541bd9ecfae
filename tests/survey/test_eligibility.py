"""Who may not take part is thanked before the first item, takes no place, and leaves nothing behind."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import METADATA, participant, quota
from pluralign.survey.database.tables import instrument as versions
from pluralign.survey.fielding import participants
from pluralign.survey.fielding.plan import open_questions, screened_questions
from pluralign.survey.researchers.overview import overview
from pluralign.survey.words import words
from tests.survey.participants.test_questions import DEMOGRAPHICS
from tests.survey.small import NOW, PLAN, enter, fielded, minutes, small_study
from tests.survey.test_pages import CONSENT, field, send, settings

ELIGIBLE = "gender == 'she' and age != 'young'"


def study_for(tmp_path: Path, eligible: str | None = ELIGIBLE, **recruitment: object) -> Study:
    wanted = {"platform": "open", "target": 10, "eligible": eligible}
    return small_study(tmp_path, recruitment=wanted | recruitment)


def rows(database: Database, who: str) -> dict[str, int]:
    """How many rows of each table name a participant."""
    with database.read() as connection:
        found = {table.name: connection.execute(select(table)).all() for table in METADATA.sorted_tables}
    return {name: number for name, all_rows in found.items() if (number := sum(who in row for row in all_rows))}


def test_only_who_may_take_part_gets_in(database: Database, tmp_path: Path) -> None:
    study = study_for(tmp_path)
    fielded(database, study)

    def come(gender: str, age: str) -> str:
        return enter(database, study, screening={"gender": gender, "age": age}).participant.state

    assert come("she", "old") == "rating"
    assert come("he", "old") == "screened_out"
    assert come("she", "young") == "screened_out"
    # "I prefer not to say" is an answer: it is not "she", and it is not "young".
    assert come("undeclared", "old") == "screened_out"
    assert come("she", "undeclared") == "rating"
    with database.read() as connection:
        states = {state.name: state.people for state in overview(connection, study).states}
    assert (states["screened_out"], states["rating"]) == (3, 2)


def test_who_may_not_take_part_takes_no_place_and_leaves_what_a_full_quota_leaves(
    database: Database, tmp_path: Path
) -> None:
    quotas = [{"where": {"age": "old"}, "raters": 1}]
    study = study_for(tmp_path, quotas=quotas)
    fielded(database, study)
    plan = replace(PLAN, coverage="gender", per_cell=1)
    out = enter(database, study, plan, screening={"gender": "he", "age": "old"}).participant
    assert (out.state, out.cell) == ("screened_out", None)
    assert enter(database, study, plan, screening={"gender": "she", "age": "old"}).participant.state == "rating"
    full = enter(database, study, plan, screening={"gender": "she", "age": "old"}).participant
    assert full.state == "quota_full"
    # The places are taken by now, and still it is said what would not have changed with a place.
    assert enter(database, study, plan, screening={"gender": "he", "age": "old"}).participant.state == "screened_out"
    with database.read() as connection:
        assert connection.execute(select(quota.c.taken).order_by(quota.c.quota)).scalars().all() == [1, 1]
        query = select(participant.c.finished_at).where(participant.c.participant == out.participant)
        assert connection.execute(query).scalar_one() == NOW
    assert rows(database, out.participant) == rows(database, full.participant) == {"participant": 1, "consent": 2}


def test_it_is_asked_first_with_what_its_answers_hang_on(tmp_path: Path) -> None:
    recruitment = {"platform": "open", "target": 10, "eligible": "party == 'spd'"}
    formula = {"formula": "rating ~ age + (1 | rater)"}
    study = small_study(tmp_path, demographics=DEMOGRAPHICS, analysis=formula, recruitment=recruitment)
    assert screened_questions(study, PLAN) == ("country", "party")
    assert open_questions(study, PLAN) == ("age",)


def test_a_change_holds_for_those_who_come_and_leaves_ratings_comparable(database: Database, tmp_path: Path) -> None:
    wider, narrower = study_for(tmp_path, "gender == 'she'"), study_for(tmp_path)
    young = {"gender": "she", "age": "young"}
    fielded(database, wider)
    inside = enter(database, wider, screening=young)
    changed = database.run(lambda connection: instrument.register(connection, narrower, NOW))
    assert (changed.version, changed.changed, changed.comparable) == (2, ("recruitment.eligible",), True)
    assert enter(database, narrower, screening=young).participant.state == "screened_out"
    # Who was in stays in, also after a silence in which the place was given on.
    later = NOW + minutes(121)
    assert database.run(lambda connection: participants.release_the_silent(connection, PLAN, later)) == 1
    back = database.run(lambda connection: participants.resume(connection, inside.token, later))
    assert back is not None
    assert back.state == "rating"


def test_a_change_that_is_taken_back_no_longer_holds(database: Database, tmp_path: Path) -> None:
    before, after = study_for(tmp_path, None), study_for(tmp_path)
    for study in (before, after, before):
        fielded(database, study)
    assert enter(database, before).participant.state == "rating"


def test_a_survey_that_began_before_it_could_be_said_keeps_its_version(database: Database, tmp_path: Path) -> None:
    study = study_for(tmp_path, None)
    before = study.model_dump(mode="json")
    del before["recruitment"]["eligible"]
    fielded(database, study)
    old = update(versions).values(study=before, digest="0" * 64)
    database.run(lambda connection: connection.execute(old))
    found = database.run(lambda connection: instrument.register(connection, study, NOW))
    assert (found.version, found.changed) == (1, ())
    assert enter(database, study).participant.instrument == 1
    assert instrument.changes(before | {"recruitment": None}, before) == ()


@pytest.mark.parametrize("language", ["en", "de"])
def test_who_may_not_take_part_is_told_so_with_a_code_of_its_own(
    database: Database, tmp_path: Path, language: str
) -> None:
    study, told = study_for(tmp_path), words(language)
    fielded(database, study)
    with_codes = replace(settings(study, database), codes={"finished": "DONE1234", "screened_out": "AWAY1234"})
    with TestClient(create_app(with_codes, database)) as client:
        page = send(client, "/start", client.get(f"/?lang={language}").text, **CONSENT)
        assert told["eligible_hint"] in html.unescape(page)
        page = send(client, "/questions", page, **{"question-gender": "he", "question-age": "old"})
        assert told["end_screened_out_text"] in html.unescape(page)
        assert "?cc=AWAY1234" in page
        assert "DONE1234" not in page
        assert told["receipt_label"] not in page
        # There is no way back in: every page leads here, and a form that is sent again changes nothing.
        assert all("AWAY1234" in client.get(path).text for path in ("/", "/rate", "/questions", "/go"))
        token = field(client.get("/withdraw").text, "form_token")
        again = {"form_token": token, "wish": "next", "question-gender": "she", "question-age": "old"}
        assert "AWAY1234" in client.post("/questions", data=again).text
