"""Each of the nineteen defects found in the platform on which the first studies were run, and that ours has none of it.

The defects are named in short before each test. Tests that need a real browser or several processes are in
``browser`` and ``test_processes.py``; here everything goes over HTTP, as a browser without JavaScript sends it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import IntegrityError
from starlette.testclient import TestClient

from pluralign.errors import ConfigError
from pluralign.study import Study, create, load
from pluralign.survey import instrument
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import (
    answer,
    assignment,
    attention,
    consent,
    identity,
    item,
    participant,
    rating,
)
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.participants.session import VISIT
from pluralign.survey.recruitment.access import Access
from pluralign.survey.release.flags import signs
from pluralign.survey.security import form_token
from pluralign.survey.settings import read_secret
from tests.survey.small import NOW, PLAN, fielded, small_study
from tests.survey.test_pages import CONSENT, RATED, SECRET, begin, count, field, send, settings

ABOUT = {"question-gender": "she", "question-age": "old"}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path)


@pytest.fixture
def client(database: Database, study: Study) -> Iterator[TestClient]:
    fielded(database, study)
    with visiting(database, study) as browser:
        yield browser


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load(create(tmp_path_factory.mktemp("template") / "study", "gender-values"))


@contextmanager
def visiting(database: Database, study: Study, plan: Plan = PLAN) -> Iterator[TestClient]:
    """A browser of its own at the survey."""
    with TestClient(create_app(replace(settings(study, database), plan=plan), database)) as browser:
        yield browser


def finish(client: TestClient, page: str) -> str:
    """Go on from the first item to the last page."""
    while 'name="assignment"' in page:
        page = send(client, "/rate", page, wish="next", **RATED)
    return send(client, "/questions", page, **ABOUT)


def values(database: Database, *columns: object) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]  # type: ignore[call-overload]


# An empty or incomplete form was stored as a rating and used up the item.
def test_01_an_incomplete_or_empty_form_is_no_rating_and_uses_nothing_up(
    client: TestClient, database: Database
) -> None:
    page = begin(client)
    for given in ({}, {"rating-toxicity": "1"}, {"rating-toxicity": "1", "check-0": "2"}):
        page = send(client, "/rate", page, wish="next", **given)
        assert "Something is missing" in page
        assert "Answer 1 of 3" in page
    assert values(database, assignment.c.state) == [("leased",)]
    assert "Answer 2 of 3" in send(client, "/rate", page, wish="next", **RATED)


# Each rerun of the page drew another item at random.
def test_02_reloading_and_looking_elsewhere_shows_the_same_item(client: TestClient, database: Database) -> None:
    first = field(begin(client), "assignment")
    for path in ("/rate", "/later", "/rate?lang=de", "/withdraw", "/go", "/"):
        client.get(path)
    again = client.get("/rate").text
    assert field(again, "assignment") == first
    send(client, "/rate", again, wish="next", **RATED)
    assert set(values(database, rating.c.assignment)) == {(first,)}


# Attention checks could be blank or wrong, and nobody ever looked.
def test_03_attention_checks_are_needed_kept_with_what_was_wanted_and_looked_at(
    client: TestClient, database: Database, study: Study
) -> None:
    page = send(client, "/rate", begin(client), wish="next", **{key: RATED[key] for key in RATED if key != "check-0"})
    assert 'href="#check-0"' in page
    for _ in range(3):
        page = send(client, "/rate", page, wish="next", **(RATED | {"check-0": "1"}))
    assert values(database, attention.c.value, attention.c.wanted) == [(1, 2)] * 3
    with database.read() as connection:
        flagged = signs(connection, study)
    assert list(flagged["failed"]) == [3]
    assert "attention" in flagged["flags"].iloc[0]


# A slider stood on "Liberal" from the beginning, without a way to decline.
def test_04_nothing_is_chosen_beforehand_and_every_question_can_be_declined(
    client: TestClient, database: Database
) -> None:
    page = begin(client)
    pages = [client.get("/rate").text]
    while 'name="assignment"' in page:
        page = send(client, "/rate", page, wish="next", **RATED)
    pages.append(page)
    for each in pages:
        assert not re.search(r'checked|selected|type="range"|<select', each)
    for key in ("gender", "age"):
        assert re.findall(rf'name="question-{key}" value="(\w+)"', page)[-1] == "undeclared"
    assert "Something is missing" in send(client, "/questions", page)
    assert count(database, answer) == 0


# Somebody without an identity could fill in the questions; the answers went nowhere, without an error.
def test_05_answers_of_nobody_are_refused(client: TestClient, database: Database) -> None:
    client.cookies.set(VISIT, "somebody")
    fields = {"form_token": form_token(SECRET, "somebody"), **ABOUT}
    for path in ("/questions", "/rate"):
        sent = client.post(path, data=fields)
        assert sent.status_code == 404
        assert "cannot tell who you are" in sent.text
    assert count(database, answer) == 0
    row = {"participant": "0", "question": "age", "code": "old", "instrument": 1, "at": NOW}
    with pytest.raises(IntegrityError):
        database.run(lambda connection: connection.execute(insert(answer).values(**row)))


# Declining and an answer could be chosen together.
def test_06_a_question_has_one_answer(client: TestClient, database: Database) -> None:
    page = begin(client)
    while 'name="assignment"' in page:
        page = send(client, "/rate", page, wish="next", **RATED)
    sent = {"form_token": field(page, "form_token"), "question-gender": ["she", "undeclared"], "question-age": "old"}
    client.post("/questions", data=sent)
    assert sorted(values(database, answer.c.question, answer.c.code)) == [("age", "old"), ("gender", "undeclared")]


# The Prolific id was typed in, any text, as often as one liked.
def test_07_the_prolific_id_comes_with_the_link_and_counts_once(database: Database, study: Study) -> None:
    fielded(database, study)
    access = Access.model_validate({"codes": {"finished": "CODE123"}, "studies": ("study1",)})
    app = create_app(replace(settings(study, database), prolific=access), database)
    ids = {"PROLIFIC_PID": "60d0a1b2c3d4e5f601234567", "STUDY_ID": "study1", "SESSION_ID": "s1"}
    for number in range(3):
        with TestClient(app) as browser:
            page = browser.get("/", params=ids | {"SESSION_ID": f"s{number}", "lang": "en"}).text
            if 'name="consent-participation"' in page:
                assert not re.search(r'type="text"|<textarea', page)
                send(browser, "/start", page, **CONSENT)
    assert count(database, participant) == count(database, identity) == 1
    with TestClient(app) as browser:
        assert browser.get("/", params=ids | {"PROLIFIC_PID": "my name, I think"}).status_code == 403
        assert browser.get("/").status_code == 403


# With all items used up the page broke; two people could hold one item.
def test_08_when_nothing_is_left_to_rate_people_are_told_and_no_place_is_given_twice(
    database: Database, study: Study
) -> None:
    plan = Plan(ratings_per_item=1)
    fielded(database, study, plan, n_prompts=2)
    with visiting(database, study, plan) as one, visiting(database, study, plan) as other:
        page = begin(one)
        begin(other)
        finish(one, page)
        last = client_after_items(other)
        assert "nothing left to rate" in last
        assert "CODE123" in send(other, "/questions", last, **ABOUT)
        with visiting(database, study, plan) as late:
            assert "nothing left to rate" in begin(late)
    assert {taken for (taken,) in values(database, item.c.taken)} == {1}
    with database.read() as connection:
        held = select(func.count()).select_from(assignment).group_by(assignment.c.item)
        assert set(connection.execute(held).scalars()) == {1}


def client_after_items(client: TestClient) -> str:
    page = client.get("/rate").text
    while 'name="assignment"' in page:
        page = send(client, "/rate", page, wish="next", **RATED)
    return page


# Items were drawn with replacement: some had ten ratings, some none, and one person could get one twice.
def test_09_ratings_are_spread_evenly_and_nobody_gets_an_item_twice(database: Database, study: Study) -> None:
    fielded(database, study, n_prompts=6)
    for _ in range(4):
        with visiting(database, study) as browser:
            finish(browser, begin(browser))
    assert {taken for (taken,) in values(database, item.c.taken)} == {1}
    for _ in range(4):
        with visiting(database, study) as browser:
            finish(browser, begin(browser))
    assert {taken for (taken,) in values(database, item.c.taken)} == {2}
    pairs = values(database, assignment.c.participant, assignment.c.item)
    assert len(pairs) == len(set(pairs)) == 24


# Scales and items were changed while people took part, and answers to either looked alike.
def test_10_a_changed_instrument_is_a_new_version_that_every_answer_names(
    database: Database, study: Study, tmp_path: Path
) -> None:
    fielded(database, study)
    (tmp_path / "changed").mkdir()
    labels = [{"en": str(point), "de": str(point)} for point in range(1, 6)]
    check = {"after": "toxicity", "wanted": 2, "options": [1, 2, 3], "text": {"en": 'Choose "2".', "de": 'Wähle "2".'}}
    wider = small_study(tmp_path / "changed", scale={"labels": labels}, attention_checks=[check])
    with visiting(database, study) as early:
        page = begin(early)
        database.run(lambda connection: instrument.register(connection, wider, NOW))
        with visiting(database, wider) as late:
            assert len(re.findall('name="rating-toxicity"', begin(late))) == 5
            send(late, "/rate", late.get("/rate").text, wish="next", **(RATED | {"rating-toxicity": "5"}))
        assert len(re.findall('name="rating-toxicity"', early.get("/rate").text)) == 3
        send(early, "/rate", page, wish="next", **RATED)
    found = values(database, rating.c.instrument, rating.c.dimension, rating.c.value)
    assert sorted(found) == [(1, "helpfulness", 3), (1, "toxicity", 1), (2, "helpfulness", 3), (2, "toxicity", 5)]


# Nothing was committed explicitly.
def test_11_what_is_answered_is_committed_when_the_next_page_comes(client: TestClient, database: Database) -> None:
    send(client, "/rate", begin(client), wish="next", **RATED)
    beside = Database.open(database.engine.url.render_as_string(hide_password=False))
    assert count(beside, rating) == 2
    beside.close()


# Count and identity were in the memory of the server: reloading began anew, as another person.
def test_12_after_a_restart_of_the_server_everybody_goes_on_where_they_were(
    client: TestClient, database: Database, study: Study
) -> None:
    send(client, "/rate", begin(client), wish="next", **RATED)
    with visiting(database, study) as restarted:
        restarted.cookies = client.cookies
        assert "Answer 2 of 3" in restarted.get("/").text
    assert count(database, participant) == 1


# Consent was not stored, every page opened without it, and the last one showed the code to anybody.
def test_13_consent_is_stored_and_no_page_or_code_is_seen_without_it(client: TestClient, database: Database) -> None:
    for path in ("/rate", "/questions", "/later", "/end"):
        seen = client.get(path)
        assert (seen.status_code, "CODE123" in seen.text) == (404, False)
    page = begin(client)
    stored = values(database, consent.c.part, consent.c.language, func.length(consent.c.text_hash))
    assert sorted(stored) == [("opinion", "en", 64), ("participation", "en", 64)]
    assert all(given is not None for (given,) in values(database, consent.c.given_at))
    while 'name="assignment"' in page:
        assert "CODE123" not in client.get("/end").text
        page = send(client, "/rate", page, wish="next", **RATED)
    assert "CODE123" not in client.get("/end").text
    assert "CODE123" in send(client, "/questions", page, **ABOUT)


# "Anonymous", but an id beside the ethnicity; political opinion not named; three durations; withdrawal by e-mail only.
def test_14_what_people_are_told_is_true_and_they_withdraw_by_themselves(
    client: TestClient, database: Database, template: Study
) -> None:
    told = {
        language: " ".join(text[language] for text in (template.texts.information, template.texts.welcome) if text)
        for language in template.languages
    }
    assert set(re.findall(r"(\S+) anonymous", told["en"])) == {"not"}
    assert set(re.findall(r"(\S+) anonym\b", told["de"])) == {"nicht"}
    agreed = {part.key: part.text for part in template.texts.consent}
    for language, words in (
        ("en", ("ethnic origin", "political opinion")),
        ("de", ("ethnische", "politische Meinung")),
    ):
        assert all(word in agreed["sensitive_data"][language] for word in words)
    assert template.recruitment is not None
    assert template.recruitment.pay is not None
    minutes = {int(number) for text in told.values() for number in re.findall(r"(\d+) (?:minutes|Minuten)", text)}
    assert minutes == {template.recruitment.pay.minutes}
    page = begin(client)
    assert 'href="/withdraw"' in page
    send(client, "/withdraw", client.get("/withdraw").text)
    assert count(database, participant) == count(database, consent) == 0


# A file with secrets was in the public repository; e-mail addresses were collected.
def test_15_secrets_stay_out_of_repository_and_database_and_nobody_is_asked_for_an_address(
    client: TestClient, database: Database, template: Study, tmp_path: Path
) -> None:
    create(tmp_path / "made", "minimal")
    ignored = (tmp_path / "made" / ".gitignore").read_text(encoding="utf-8").split()
    secret = read_secret(tmp_path / "made")
    (written,) = [path for path in (tmp_path / "made").iterdir() if secret in path.read_bytes()]
    assert written.name in ignored
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    page = begin(client)
    seen = [page, finish(client, page), client.get("/later").text]
    for each in seen:
        assert not re.search(r'<input(?![^>]*type="(?:radio|checkbox|hidden)")', each)
    if database.is_sqlite:
        # What was written last is still in the log beside the file.
        held = b"".join(Path(f"{database.engine.url.database}{end}").read_bytes() for end in ("", "-wal"))
        assert b"undeclared" in held or b"helpfulness" in held
        assert SECRET not in held
    asked = " ".join(each.question["en"] for each in template.demographics)
    assert not re.search(r"mail|name|birth|address|phone", asked)


# A tunnel and a pool of thousands of connections for each page; a list fetched from another site at each look.
def test_16_pages_need_no_other_site_and_few_connections(client: TestClient, database: Database) -> None:
    opened: list[object] = []
    event.listen(database.engine, "connect", lambda *_: opened.append(1))
    page = begin(client)
    seen = [client.get(path).text for path in ("/rate", "/later", "/withdraw") * 10]
    seen.append(finish(client, page))
    assert len(opened) <= 5
    for each in seen:
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*\bsrc="([^"]+)"|<link[^>]*\bhref="([^"]+)"', each)
        assert loaded
        assert all(address.startswith("/static/") for pair in loaded for address in pair if address)


# Mistakes went straight to the people taking part: a page with a syntax error, a debug print, invalid SQL.
def test_17_a_broken_study_is_not_served_and_a_mistake_of_ours_shows_no_details(
    database: Database, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    (tmp_path / "study.yaml").write_text(text.replace("dimensions:", "dimensoins:"), encoding="utf-8")
    with pytest.raises(ConfigError, match="dimensoins"):
        load(tmp_path / "study.yaml")
    fielded(database, study)

    def broken(*_: object, **__: object) -> str:
        raise ZeroDivisionError("SELECT secret FROM somewhere")

    with TestClient(create_app(settings(study, database), database), raise_server_exceptions=False) as browser:
        begin(browser)
        with monkeypatch.context() as patched:
            patched.setattr("pluralign.survey.participants.shown.exchange", broken)
            seen = browser.get("/rate")
        assert seen.status_code == 500
        assert "Something went wrong on our side" in seen.text
        assert not re.search("ZeroDivision|SELECT|Traceback", seen.text)
        assert "Answer 1 of 3" in browser.get("/rate").text


# One program per language, and the two drifted apart: checks, order, wording, du and Sie, lists left in English.
def test_18_all_languages_are_one_instrument(client: TestClient, template: Study) -> None:
    page = begin(client)
    fields = re.compile(r'name="((?:rating|check|question)-[\w-]+)" value="([^"]+)"')
    for path in ("/rate", "/questions"):
        asked = [fields.findall(client.get(f"{path}?lang={each}").text) for each in ("en", "de")]
        assert asked[0] == asked[1] != []
        while 'name="assignment"' in page:
            page = send(client, "/rate", page, wish="skip")
    german = [text for key, text in texts(template.model_dump()) if key == "de"]
    assert len(german) > 50
    assert not [text for text in german if re.search(r"\b(Sie (?:sind|haben|können|werden)|Ihnen|Ihre[mnrs]?)\b", text)]
    same = {"CDU/CSU", "AfD", "BSW", "FDP", "SPD", "USA", "Neutral", "Liberal"}
    for each in template.demographics:
        for option in each.options:
            assert option.label["de"] != option.label["en"] or option.label["de"] in same
    for check in template.attention_checks:
        for language in template.languages:
            assert template.scale.labels[check.wanted - 1][language] in check.text[language]


def texts(content: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in nested mappings and lists, with the key it stands under."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from texts(value, str(name))
    elif isinstance(content, list | tuple):
        for value in content:
            yield from texts(value, key)
    elif isinstance(content, str):
        yield key, content


# Protection against forms and requests of other sites was switched off.
def test_19_other_sites_can_neither_send_forms_nor_read_pages(client: TestClient, database: Database) -> None:
    page = begin(client)
    fields = {"assignment": field(page, "assignment"), "wish": "next", **RATED}
    foreign = {"Origin": "https://elsewhere.example"}
    assert client.post("/rate", data=fields, headers=foreign).status_code == 403
    assert client.post("/withdraw", data={}, headers=foreign).status_code == 403
    for method in ("GET", "OPTIONS", "POST"):
        answered = client.request(method, "/rate", headers=foreign | {"Access-Control-Request-Method": "POST"})
        assert not [name for name in answered.headers if name.startswith("access-control-")]
    assert "frame-ancestors 'none'" in client.get("/rate").headers["content-security-policy"]
    assert count(database, rating) == 0
    assert count(database, participant) == 1
