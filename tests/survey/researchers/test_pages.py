"""What the researchers' pages say, and what is done on them."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import (
    answer,
    assignment,
    audit,
    erasure,
    identity,
    item,
    participant,
    rating,
    task,
)
from pluralign.survey.settings import Settings
from tests.survey.people import Person, take_part
from tests.survey.researchers.conftest import PLAN, log_in, token
from tests.survey.small import NOW


def words(page: str) -> str:
    """The text of a page without markup, one blank between words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def send(client: TestClient, path: str, **fields: str | list[str]) -> tuple[int, bytes]:
    form = {"form_token": token(client.get("/researchers").text), **fields}
    reply = client.post(path, data=form)
    return reply.status_code, reply.content


def test_the_overview_states_progress_time_cost_and_signs(viewer: TestClient) -> None:
    page = words(viewer.get("/researchers").text)
    assert "11 of 20 people finished" in page
    assert "34 items rated, 68 ratings" in page
    assert "27.50 EUR pay so far" in page
    assert "Everybody 11 1 20" in page
    assert "one item 20 s 20 s 20 s" in page
    assert "attention failed at least 1 attention check 0" in page


def test_the_overview_of_an_empty_survey_opens(manager: TestClient, ids: list[str]) -> None:
    for who in ids:
        send(manager, "/researchers/erase", code=who, sure="yes")
    page = words(manager.get("/researchers").text)
    assert "0 of 20 people finished" in page
    assert f"{len(ids)} more people were erased" in page
    for path in ("/coverage", "/items", "/people", "/analysis"):
        assert manager.get(f"/researchers{path}").status_code == 200, path


def test_coverage_counts_raters_of_each_group(viewer: TestClient) -> None:
    page = words(viewer.get("/researchers/coverage?by=gender").text)
    assert "All 12 items 15 18 0 1 34" in page
    page = words(viewer.get("/researchers/coverage?by=context").text)
    assert re.search(r"All 6 prompts 1[0-9] 1[0-9] 0? ?34", page)
    assert viewer.get("/researchers/coverage?by=shoe_size").status_code == 422


def test_cells_are_shaded_by_their_number(viewer: TestClient) -> None:
    page = viewer.get("/researchers/coverage?by=gender").text
    cells = {(int(number), int(shade)) for shade, number in re.findall(r'class="n shade-(\d)">(\d+)<', page)}
    most = max(number for number, _ in cells)
    assert (0, 0) in cells
    assert (most, 8) in cells
    assert sorted(cells) == sorted(cells, key=lambda cell: cell[1])


def test_an_item_shows_its_texts_and_the_distribution(viewer: TestClient, database: Database) -> None:
    with database.read() as connection:
        key = connection.execute(select(assignment.c.item)).scalars().first()
    page = words(viewer.get("/researchers/item", params={"key": str(key)}).text)
    assert f"Item {key}" in page
    assert "in de" in page
    assert re.search(r"Help 0 0% 0 0% (\d) 100% \1 3\.00", page)
    assert viewer.get("/researchers/item?key=nothing").status_code == 404


def test_a_participant_shows_answers_times_and_evidence_but_no_identity(
    viewer: TestClient, database: Database, ids: list[str]
) -> None:
    row = {"participant": ids[0], "platform": "prolific", "external_hash": "e" * 64, "submission": "SUBMISSION7"}
    database.run(lambda connection: connection.execute(insert(identity).values(**row)))
    text = viewer.get("/researchers/person", params={"key": ids[0]}).text
    page = words(text)
    assert ids[0] in page
    assert "Gender she" in page
    assert "failed 0 of 3 checks" in page
    assert "median 20 s per item, 100% of everybody" in page
    assert "SUBMISSION7" not in text
    assert "e" * 64 not in text
    assert viewer.get("/researchers/person?key=nobody").status_code == 404


def test_a_participant_shows_the_texts_they_wrote_as_text(
    viewer: TestClient, database: Database, ids: list[str]
) -> None:
    with database.read() as connection:
        mine = connection.execute(select(assignment.c.assignment).where(assignment.c.participant == ids[0]))
        which = mine.scalars().first()
    row = {"assignment": which, "kind": "craft", "text": "I would ask <b>why</b>.", "language": "en", "at": NOW}
    database.run(lambda connection: connection.execute(insert(task).values(**row)))
    page = viewer.get("/researchers/person", params={"key": ids[0]}).text
    assert "Response of their own" in page
    assert "I would ask &lt;b&gt;why&lt;/b&gt;." in page
    assert "Texts written" not in viewer.get("/researchers/person", params={"key": ids[1]}).text


def test_people_with_a_sign_can_be_listed_alone(viewer: TestClient, database: Database, ids: list[str]) -> None:
    assert words(viewer.get("/researchers/people?flagged=yes").text).count("0 people with a sign") == 1
    with database.read() as connection:
        of_first = connection.execute(select(assignment.c.assignment).where(assignment.c.participant == ids[0]))
        mine = of_first.scalars().all()
    database.run(
        lambda connection: connection.execute(update(rating).where(rating.c.assignment.in_(mine)).values(value=2))
    )
    page = viewer.get("/researchers/people?flagged=yes").text
    assert "1 person with a sign" in words(page)
    assert ids[0] in page
    assert ids[1] not in page


def test_hostile_texts_are_shown_as_text(viewer: TestClient, database: Database) -> None:
    hostile = '<script>alert("x")</script>'
    database.run(
        lambda connection: connection.execute(
            update(item).values(texts={"en": hostile, "de": hostile}, context=hostile)
        )
    )
    for path in ("/items", "/item?key=p000-none", "/coverage"):
        page = viewer.get(f"/researchers{path}").text
        assert "<script>" not in page
        assert path == "/coverage" or "&lt;script&gt;" in page


def test_the_model_waits_for_enough_people(viewer: TestClient, database: Database, settings: Settings) -> None:
    page = words(viewer.get("/researchers/analysis?fit=yes").text)
    assert "34 items rated by 12 people" in page
    assert "It is fitted from 30 people and 100 rated items on." in page
    genders = ("she", "he")
    more = [Person({"gender": genders[n % 2], "age": "old"}) for n in range(24)]
    take_part(database, settings.study, PLAN, more)
    assert "Fit the model" in words(viewer.get("/researchers/analysis").text)
    fitted = words(viewer.get("/researchers/analysis?fit=yes").text)
    assert "Gender: he few people she" in fitted
    # Everybody gave the same rating on this dimension.
    assert "Help failed" in fitted


def test_a_manager_takes_out_a_release_and_it_is_noted(manager: TestClient) -> None:
    status, content = send(
        manager, "/researchers/release", level="public", k="5", known=["gender", "age"], licence="CC-BY-4.0"
    )
    assert status == 200
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = {Path(name).name for name in archive.namelist()}
        assert {"study.yaml", "ratings.parquet", "codebook-de.md", "data-card.md", "protection.csv"} <= names
    assert "took out a public release: 66 ratings by 11 people" in manager.get("/researchers/log").text


@pytest.mark.parametrize(("k", "message"), [("12", "11 people are too few"), ("1", "k is 1"), ("²", "whole number")])
def test_a_release_that_cannot_be_says_why(manager: TestClient, k: str, message: str) -> None:
    status, content = send(manager, "/researchers/release", level="public", k=k, known=["gender"])
    assert status == 422
    assert message in content.decode()


def test_a_manager_erases_by_receipt_code(manager: TestClient, database: Database, ids: list[str]) -> None:
    assert send(manager, "/researchers/erase", code=ids[0])[0] == 422
    assert send(manager, "/researchers/erase", code="0" * 32, sure="yes")[0] == 422
    status, content = send(manager, "/researchers/erase", code=f" {ids[0].upper()} ", sure="yes")
    assert status == 200
    assert "Nothing of this person is left" in content.decode()
    with database.read() as connection:
        for table in (participant, answer, assignment):
            rows = connection.execute(select(table).where(table.c.participant == ids[0])).all()
            assert rows == []
        assert connection.execute(select(erasure.c.by)).scalars().all() == ["researcher"]
        noted = connection.execute(select(audit.c.who, audit.c.what).order_by(audit.c.entry.desc())).first()
    assert noted is not None
    assert tuple(noted) == ("Mara", "erased a participant")
    _, content = send(manager, "/researchers/release", level="internal")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert ids[0].encode() not in everything


def test_an_erased_person_leaves_no_byte_in_the_file(manager: TestClient, database: Database, ids: list[str]) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's files are the server's to clear")
    send(manager, "/researchers/erase", code=ids[0], sure="yes")
    for suffix in ("", "-wal"):
        path = Path(f"{database.engine.url.database}{suffix}")
        assert not path.exists() or ids[0].encode() not in path.read_bytes()


def test_a_survey_without_its_folder_says_what_to_do(
    database: Database, settings: Settings, client: TestClient
) -> None:
    assert client
    with TestClient(create_app(replace(settings, words_folder=None), database)) as browser:
        log_in(browser, "Mara")
        status, content = send(browser, "/researchers/release", level="internal")
    assert status == 422
    assert "pluralign export ratings" in content.decode()
