"""Quotas over one answer and over crossings of several."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from starlette.testclient import TestClient

from pluralign.survey import instrument
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import quota
from pluralign.survey.fielding.plan import screened_questions
from tests.survey.small import NOW, PLAN, enter, fielded, small_study
from tests.survey.test_pages import begin, send, settings

QUOTAS = [
    {"where": {"gender": "she"}, "raters": 2},
    {"where": {"gender": "she", "age": "old"}, "raters": 1},
    {"where": {"gender": "he"}, "raters": 1},
]


def test_a_crossing_is_full_by_itself_and_takes_no_place_elsewhere(database: Database, tmp_path: Path) -> None:
    study = small_study(tmp_path, recruitment={"platform": "open", "target": 10, "quotas": QUOTAS})
    fielded(database, study)
    assert screened_questions(study, PLAN) == ("gender", "age")

    def come(gender: str, age: str) -> str:
        return enter(database, study, screening={"gender": gender, "age": age}).participant.state

    assert come("she", "old") == "rating"
    # There are places for women still, but not for a second one of this age.
    assert come("she", "old") == "quota_full"
    assert come("she", "young") == "rating"
    assert come("she", "young") == "quota_full"
    assert come("he", "old") == "rating"
    assert come("undeclared", "old") == "rating"
    with database.read() as connection:
        rows = connection.execute(select(quota.c.taken).order_by(quota.c.quota)).scalars().all()
    assert rows == [4, 2, 1, 1]


def test_a_quota_that_comes_while_people_take_part_asks_those_who_come_after(
    database: Database, tmp_path: Path
) -> None:
    fielded(database, small_study(tmp_path))
    study = small_study(tmp_path, recruitment={"platform": "open", "target": 10, "quotas": QUOTAS[2:]})
    fielded(database, study)
    with TestClient(create_app(settings(study, database), database)) as client:
        page = send(client, "/questions", begin(client), **{"question-gender": "he"})
    assert "<h1>Answer 1 of 3</h1>" in page
    assert enter(database, study, screening={"gender": "he"}).participant.state == "quota_full"


def test_only_what_quotas_ask_makes_a_new_version(database: Database, tmp_path: Path) -> None:
    def register(quotas: list[dict[str, object]]) -> tuple[int, tuple[str, ...]]:
        study = small_study(tmp_path, recruitment={"platform": "open", "target": 10, "quotas": quotas})
        found = database.run(lambda connection: instrument.register(connection, study, NOW))
        return found.version, found.changed

    assert register(QUOTAS) == (1, ())
    assert register([QUOTAS[1] | {"raters": 7}]) == (1, ())
    assert register(QUOTAS[2:]) == (2, ("recruitment.quotas",))
