"""What happens by itself while a survey is served."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from pluralign.survey.database import Database
from pluralign.survey.database.tables import identity, item, participant, quota
from pluralign.survey.operation.tidying import tidy, tidying
from pluralign.survey.participants.desk import Desk
from pluralign.survey.rendering import Pages
from pluralign.survey.settings import Settings
from tests.survey.small import NOW, PLAN, enter, fielded, next_item, small_study


def desk(tmp_path: Path, database: Database) -> Desk:
    study = small_study(tmp_path)
    fielded(database, study)
    settings = Settings(study=study, plan=PLAN, database_url="", secret=b"x" * 32)
    return Desk(settings, database, Pages.of(study))


def test_places_of_the_silent_and_identities_that_are_due_go(tmp_path: Path, database: Database) -> None:
    study = desk(tmp_path, database).settings.study
    who = enter(database, study).participant
    next_item(database, study, who)
    row = {"participant": who.participant, "platform": "prolific", "external_hash": "h", "destroy_on": NOW.date()}
    database.run(lambda connection: connection.execute(insert(identity).values(**row)))
    later = NOW + timedelta(days=1)
    assert database.run(lambda connection: tidy(connection, PLAN, later)) == (1, 1, 1)
    assert database.run(lambda connection: tidy(connection, PLAN, later)) == (0, 0, 0)
    with database.read() as connection:
        assert connection.execute(select(participant.c.state)).scalar_one() == "lapsed"
        assert connection.execute(select(quota.c.taken)).scalar_one() == 0
        assert set(connection.execute(select(item.c.taken)).scalars()) == {0}


def test_tidying_goes_on_after_the_database_was_away(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = desk(tmp_path, database)
    study = place.settings.study
    enter(database, study)
    right, calls = Database.run, list[int]()

    def sometimes(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("SELECT", {}, Exception("password=secret"))
        return right(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "run", sometimes)

    async def serve() -> None:
        async with tidying(place, every=0.01)(None):
            while len(calls) < 3:
                await asyncio.sleep(0.01)

    with caplog.at_level(logging.ERROR):
        asyncio.run(serve())
    assert "tidying up failed" in caplog.text
    with database.read() as connection:
        assert connection.execute(select(participant.c.state)).scalar_one() == "lapsed"
