"""Prolific's calls and the comparison with it: places of who has left are given on, once, by Prolific's word alone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pluralign.study import Study
from pluralign.survey.database import Database
from pluralign.survey.database.tables import assignment, event, item, participant, quota
from pluralign.survey.recruitment.prolific import Submission
from pluralign.survey.recruitment.reconciliation import Reconciliation, reconcile
from tests.survey.prolific_server import WEBHOOK_SECRET, call
from tests.survey.recruitment.test_entry import CODES, IDS, begin, browser, finish
from tests.survey.small import fielded, small_study
from tests.survey.test_pages import RATED, count, send

PATH = "/prolific/events"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path)


def person(number: int) -> dict[str, str]:
    return {**IDS, "PROLIFIC_PID": f"person{number}", "SESSION_ID": f"submission{number}"}


def places(database: Database) -> tuple[int, int, int]:
    """Places taken in the quota, places taken at items, open items."""
    with database.read() as connection:
        in_quota = connection.execute(select(quota.c.taken)).scalar_one()
        at_items = connection.execute(select(func.sum(item.c.taken))).scalar_one()
        leased = select(func.count()).where(assignment.c.state == "leased")
        return in_quota, at_items, connection.execute(leased).scalar_one()


def state(database: Database) -> str:
    with database.read() as connection:
        return str(connection.execute(select(participant.c.state)).scalar_one())


@pytest.mark.parametrize("status", ["RETURNED", "TIMED-OUT"])
def test_who_has_left_gives_up_their_places_and_may_come_back(database: Database, study: Study, status: str) -> None:
    fielded(database, study)
    with browser(database, study, webhook_secret=WEBHOOK_SECRET) as client:
        send(client, "/rate", begin(client, person(1)), wish="next", **RATED)
        assert places(database) == (1, 2, 1)
        assert client.post(PATH, **call("submission1", status, "event1")).json() == {"result": "ok"}
        assert places(database) == (0, 1, 0)
        assert state(database) == "lapsed"
        assert "Answer 2 of 3" in client.get("/go").text
        assert places(database) == (1, 2, 1)
        # The same call once more, delivered late: it is known and changes nothing.
        assert client.post(PATH, **call("submission1", status, "event1")).status_code == 200
        assert places(database) == (1, 2, 1)
    assert count(database, event) == 1


def test_a_call_delivered_several_times_at_once_counts_once(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study, webhook_secret=WEBHOOK_SECRET) as client:
        begin(client, person(1))

        def deliver(_: int) -> int:
            return client.post(PATH, **call("submission1", "RETURNED", "event1")).status_code

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(deliver, range(6))) == {200}
    assert count(database, event) == 1
    assert places(database) == (0, 0, 0)


def test_other_news_changes_nothing(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study, webhook_secret=WEBHOOK_SECRET) as client:
        begin(client, person(1))
        before = places(database)
        for number, (which, status) in enumerate([("submission1", "ACTIVE"), ("unknown", "RETURNED")]):
            assert client.post(PATH, **call(which, status, f"event{number}")).status_code == 200
        assert places(database) == before


def test_finished_answers_stay_whatever_prolific_says(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study, webhook_secret=WEBHOOK_SECRET) as client:
        finish(client, begin(client, person(1)))
        before = places(database)
        client.post(PATH, **call("submission1", "RETURNED", "event1"))
    assert (places(database), state(database)) == (before, "finished")


def test_a_forged_old_or_garbled_call_is_refused(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study, webhook_secret=WEBHOOK_SECRET) as client:
        begin(client, person(1))
        before = places(database)
        good = call("submission1", "RETURNED", "event1")
        forged = [
            call("submission1", "RETURNED", "event1", secret="guess"),
            call("submission1", "RETURNED", "event1", at=time.time() - 10 * 86400),
            {"content": good["content"] + b" ", "headers": good["headers"]},
            {"content": good["content"]},
            {"content": b"\xff\xfe", "headers": {name: "é".encode() for name in good["headers"]}},
        ]
        assert [client.post(PATH, **each).status_code for each in forged] == [401] * 5
        assert client.post(PATH, **call("submission1", "RETURNED", "")).status_code == 400
        assert places(database) == before
        assert count(database, event) == 0


def test_without_a_secret_there_is_no_such_address(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study) as client:
        assert client.post(PATH, **call("submission1", "RETURNED", "event1", secret="")).status_code == 404


def compared(database: Database, *rows: tuple[int, str, str | None]) -> Reconciliation:
    submissions = [Submission(f"submission{n}", f"person{n}", status, code) for n, status, code in rows]
    return database.run(lambda connection: reconcile(connection, submissions, CODES))


def visit(database: Database, study: Study, number: int, *, to_the_end: bool) -> None:
    with browser(database, study) as client:
        page = begin(client, person(number))
        if to_the_end:
            finish(client, page)


def test_a_comparison_finds_what_differs_and_does_what_a_lost_call_left_undone(
    database: Database, study: Study
) -> None:
    fielded(database, study, n_prompts=12)
    for number in range(1, 9):
        visit(database, study, number, to_the_end=number <= 4)
    rows = [
        (1, "AWAITING REVIEW", CODES["finished"]),
        (2, "APPROVED", CODES["finished"]),
        (3, "TIMED-OUT", None),
        (4, "REJECTED", CODES["finished"]),
        (5, "RETURNED", None),
        (6, "AWAITING REVIEW", "NOCODE"),
        (7, "APPROVED", None),
        (9, "AWAITING REVIEW", CODES["finished"]),
        (10, "RETURNED", None),
    ]
    found = compared(database, *rows)
    assert found.freed == 1
    assert found.to_approve == ("submission1",)
    differing = {each.submission: (each.there, each.here) for each in found.differences}
    assert differing == {
        "submission3": ("TIMED-OUT", "finished"),
        "submission4": ("REJECTED", "finished"),
        "submission6": ("AWAITING REVIEW", "rating"),
        "submission7": ("APPROVED", "rating"),
        "submission8": ("unknown", "rating"),
        "submission9": ("AWAITING REVIEW", "unknown"),
    }
    assert found.agreed == 3
    again = compared(database, *rows)
    assert (again.freed, again.differences) == (0, found.differences)


def test_who_came_too_late_and_entered_the_right_code_is_no_difference(database: Database, tmp_path: Path) -> None:
    study = small_study(tmp_path, recruitment={"platform": "prolific", "target": 1})
    fielded(database, study)
    for number in (1, 2):
        visit(database, study, number, to_the_end=False)
    found = compared(database, (1, "ACTIVE", None), (2, "AWAITING REVIEW", CODES["quota_full"]))
    assert (found.agreed, found.differences) == (2, ())
    found = compared(database, (1, "ACTIVE", None), (2, "AWAITING REVIEW", CODES["finished"]))
    assert [each.submission for each in found.differences] == ["submission2"]
