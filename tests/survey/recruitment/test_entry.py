"""Coming in from Prolific: once per person, signed where that is asked for, with the right code at the end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from pluralign.study import Study
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import identity, participant
from pluralign.survey.fielding.withdrawal import destroy_identities
from pluralign.survey.participants.session import now
from pluralign.survey.recruitment.access import COMPLETION_URL, Access
from pluralign.survey.recruitment.keys import Keys, KeysAwayError, SignatureError
from pluralign.survey.release.flags import signs
from pluralign.survey.settings import Settings
from tests.survey.prolific_server import ProlificServer
from tests.survey.small import PLAN, fielded, small_study
from tests.survey.test_pages import CONSENT, RATED, SECRET, count, send

IDS = {"PROLIFIC_PID": "60d0a1b2c3d4e5f601234567", "STUDY_ID": "study1", "SESSION_ID": "submission1"}
CODES = {"finished": "DONE1234", "quota_full": "FULL1234"}
SITE = "https://survey.example.org"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path)


@contextmanager
def browser(database: Database, study: Study, **access: object) -> Iterator[TestClient]:
    known = Access.model_validate({"codes": CODES, "studies": ("study1",)} | access)
    settings = Settings(
        study=study,
        plan=PLAN,
        database_url="",
        secret=SECRET,
        codes={str(key): code for key, code in known.codes.items()},
        completion_url=COMPLETION_URL,
        prolific=known,
    )
    with TestClient(create_app(settings, database)) as client:
        yield client


def begin(client: TestClient, ids: dict[str, str] | None = None) -> str:
    return send(client, "/start", client.get("/", params={"lang": "en", **(ids or IDS)}).text, **CONSENT)


def finish(client: TestClient, page: str) -> str:
    for _ in range(3):
        page = send(client, "/rate", page, wish="next", **RATED)
    return send(client, "/questions", page, **{"question-gender": "she", "question-age": "old"})


def test_a_visit_from_prolific_ends_with_its_code_and_a_row_apart_from_the_answers(
    database: Database, study: Study
) -> None:
    fielded(database, study)
    with browser(database, study) as client:
        page = finish(client, begin(client))
    assert f"{COMPLETION_URL}?cc=DONE1234" in page
    assert "FULL1234" not in page
    with database.read() as connection:
        row = connection.execute(select(identity)).one()
        origin = connection.execute(select(participant.c.origin)).scalar_one()
    assert (row.platform, row.submission, row.study, origin) == ("prolific", "submission1", "study1", "prolific")
    assert IDS["PROLIFIC_PID"] not in repr(row)
    assert row.destroy_on == (now() + timedelta(days=90)).date()


def test_the_same_id_is_the_same_participant_on_any_device(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study) as client:
        send(client, "/rate", begin(client), wish="next", **RATED)
    with browser(database, study) as other:
        again = other.get("/", params={**IDS, "SESSION_ID": "submission2", "lang": "en"})
        assert "Answer 2 of 3" in again.text
    assert count(database, participant) == 1
    with database.read() as connection:
        assert connection.execute(select(identity.c.submission)).scalar_one() == "submission2"
        # That an id came twice is a sign for researchers; who it is stays apart.
        table = signs(connection, study)
    assert table["flags"].tolist() == ["again"]
    assert table["submissions"].tolist() == [2]


def test_two_windows_that_begin_at_once_are_one_participant(database: Database, study: Study) -> None:
    fielded(database, study)

    def visit(_: int) -> int:
        with browser(database, study) as client:
            page = client.get("/", params={**IDS, "lang": "en"}).text
            return client.get("/rate").status_code if "Answer 1" in page else int("Answer 1" in begin(client))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(visit, range(6)))
    assert count(database, participant) == count(database, identity) == 1


def test_the_ids_outlive_a_change_of_language_and_a_missing_box(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study) as client:
        client.get("/", params=IDS)
        page = client.get("/", params={"lang": "de"}).text
        page = send(client, "/start", page, **{"consent-opinion": "yes"})
        assert count(database, participant) == 0
        send(client, "/start", page, **CONSENT)
        assert "pluralign_entry" not in client.cookies
    assert count(database, identity) == 1


def test_who_does_not_come_from_prolific_is_told_where_to_go(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study) as client:
        answer = client.get("/", params={"lang": "en"})
        assert (answer.status_code, "from Prolific only" in answer.text) == (403, True)
        for wrong in ({"STUDY_ID": "other"}, {"PROLIFIC_PID": "{{%PROLIFIC_PID%}}"}, {"SESSION_ID": ""}):
            assert client.get("/", params={**IDS, **wrong}).status_code == 403
        client.cookies.set("pluralign_entry", "eyJhbGciOiJub25lIn0.eyJwZXJzb24iOiJ4In0.")
        assert client.get("/").status_code == 403
    assert count(database, participant) == 0


def test_an_open_survey_takes_no_notice_of_ids(database: Database, study: Study) -> None:
    fielded(database, study)
    settings = Settings(study=study, plan=PLAN, database_url="", secret=SECRET)
    with TestClient(create_app(settings, database)) as client:
        begin(client)
    assert count(database, identity) == 0
    with database.read() as connection:
        assert connection.execute(select(participant.c.origin)).scalar_one() == "open"


def test_a_full_quota_has_a_code_of_its_own(database: Database, tmp_path: Path) -> None:
    study = small_study(tmp_path, recruitment={"platform": "prolific", "target": 1})
    fielded(database, study)
    with browser(database, study) as client:
        begin(client)
    with browser(database, study) as client:
        page = begin(client, {**IDS, "PROLIFIC_PID": "somebodyelse", "SESSION_ID": "submission2"})
    assert "?cc=FULL1234" in page
    assert "DONE1234" not in page


def test_who_may_not_take_part_has_a_code_for_it_and_no_second_try(database: Database, tmp_path: Path) -> None:
    study = small_study(tmp_path, recruitment={"platform": "prolific", "target": 9, "eligible": "gender != 'he'"})
    fielded(database, study)
    codes = CODES | {"screened_out": "FULL1234"}
    with browser(database, study, codes=codes) as client:
        assert "?cc=FULL1234" in send(client, "/questions", begin(client), **{"question-gender": "he"})
    with browser(database, study, codes=codes) as client:
        page = client.get("/", params={"lang": "en", **IDS}).text
    assert "?cc=FULL1234" in page
    assert "DONE1234" not in page
    assert (count(database, participant), count(database, identity)) == (1, 1)


def test_the_identity_is_destroyed_on_its_date_and_the_answers_stay(database: Database, study: Study) -> None:
    fielded(database, study)
    with browser(database, study, keep_days=30) as client:
        begin(client)
    before, after = now() + timedelta(days=29), now() + timedelta(days=31)
    assert database.run(lambda connection: destroy_identities(connection, before)) == 0
    assert database.run(lambda connection: destroy_identities(connection, after)) == 1
    assert (count(database, identity), count(database, participant)) == (0, 1)


def test_a_signed_link_is_believed_and_an_unsigned_one_is_not(
    database: Database, study: Study, prolific: ProlificServer, caplog: pytest.LogCaptureFixture
) -> None:
    fielded(database, study)
    caplog.set_level(logging.INFO)
    with browser(database, study, audience=SITE, address=prolific.address) as client:
        assert client.get("/", params=IDS).status_code == 403
        token = prolific.sign(SITE, IDS)
        assert client.get("/", params={"prolific_token": token, "lang": "en"}).status_code == 200
        page = client.get("/", params={"lang": "en"}).text
        assert "Answer 1 of 3" in send(client, "/start", page, **CONSENT)
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("pluralign"))
    assert token not in ours
    assert IDS["PROLIFIC_PID"] not in ours


def test_forged_old_and_foreign_tokens_are_refused(prolific: ProlificServer) -> None:
    keys = Keys(prolific.address)
    assert keys.claims(prolific.sign(SITE, IDS), SITE) == IDS
    assert keys.claims(prolific.sign("survey.example.org", IDS), SITE) == IDS
    good = prolific.sign(SITE, IDS)
    head, body, mark = good.split(".")
    wrong = [
        prolific.sign("https://elsewhere.example.org", IDS),
        prolific.sign(SITE, IDS, lasts=-120),
        prolific.sign(SITE, IDS, prolific="text"),
        f"{head}.{body}.{mark[:-4]}AAAA",
        f"{head}.{body}.",
        "eyJhbGciOiJub25lIn0.e30.",
        "",
        "not a token",
    ]
    for token in wrong:
        with pytest.raises(SignatureError):
            keys.claims(token, SITE)
    prolific.new_key("unpublished")
    with pytest.raises(SignatureError, match="not Prolific's"):
        keys.claims(prolific.sign(SITE, IDS), SITE)


def test_keys_are_fetched_once_and_outlive_an_outage(prolific: ProlificServer) -> None:
    keys = Keys(prolific.address)
    for _ in range(5):
        keys.claims(prolific.sign(SITE, IDS), SITE)
    assert prolific.asked.count(("GET", "jwks", None)) == 1
    keys._fetched -= 13 * 3600
    prolific.trouble = [503]
    assert keys.claims(prolific.sign(SITE, IDS), SITE) == IDS
    prolific.new_key("second")
    assert keys.claims(prolific.sign(SITE, IDS), SITE) == IDS


def test_without_any_key_nobody_gets_in_and_nothing_breaks(
    database: Database, study: Study, prolific: ProlificServer
) -> None:
    fielded(database, study)
    prolific.trouble = [500]
    with browser(database, study, audience=SITE, address=prolific.address) as client:
        answer = client.get("/", params={"prolific_token": prolific.sign(SITE, IDS)})
        assert answer.status_code == 503
    with pytest.raises(KeysAwayError):
        Keys("http://127.0.0.1:9").claims(prolific.sign(SITE, IDS), SITE)
