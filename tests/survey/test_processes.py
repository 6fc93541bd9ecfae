"""Several server processes, many people, and processes that die: nothing is lost, nothing counted twice."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pluralign.survey.database import Database
from pluralign.survey.database.tables import assignment, item, participant, quota, rating
from tests.survey.servers import Person, Server, study_folder

KILLS = 3
PEOPLE = 48

pytestmark = pytest.mark.slow


@pytest.fixture
def empty_url(database_url: str) -> str:
    return database_url


def stored(database_url: str) -> dict[tuple[str, str], int]:
    database = Database.open(database_url)
    with database.read() as connection:
        rows = connection.execute(select(rating.c.assignment, rating.c.dimension, rating.c.value)).all()
    database.close()
    return {(row.assignment, row.dimension): row.value for row in rows}


def test_an_acknowledged_answer_survives_a_killed_server(empty_url: str, tmp_path: Path) -> None:
    root = study_folder(tmp_path / "study", n_prompts=40, recruitment={"platform": "open", "target": 100_000})
    chance, acknowledged = random.Random(1), dict[tuple[str, str], int]()
    for kill in range(KILLS):
        server = Server(root, empty_url).wait()
        people = [Person(server.url, seed=100 * kill + n) for n in range(4)]
        threads = [threading.Thread(target=person.take_part) for person in people]
        for thread in threads:
            thread.start()
        enough = chance.randint(2, 12)
        while sum(len(person.saved) for person in people) < enough and any(thread.is_alive() for thread in threads):
            time.sleep(0.001)
        server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        acknowledged |= {(which, key): value for person in people for which, key, value in person.saved}
    found = stored(empty_url)
    assert len(acknowledged) > KILLS
    assert {key: found.get(key) for key in acknowledged} == acknowledged


def test_no_place_is_given_twice_by_several_processes(empty_url: str, tmp_path: Path) -> None:
    quotas = [{"where": {"gender": "he"}, "raters": 9}, {"where": {"gender": "she"}, "raters": 9}]
    recruitment = {"platform": "open", "target": 16, "quotas": quotas}
    root = study_folder(tmp_path / "study", n_prompts=8, recruitment=recruitment)
    first = Server(root, empty_url).wait()
    servers = [first, *(Server(root, empty_url) for _ in range(2))]
    for server in servers[1:]:
        server.wait()
    people = [Person(servers[n % 3].url, {"gender": ("he", "she")[n % 2], "age": "old"}, seed=n) for n in range(PEOPLE)]
    with ThreadPoolExecutor(12) as pool:
        ends = list(pool.map(lambda person: person.take_part(), people))
    for server in servers:
        server.stop()
    database = Database.open(empty_url)
    with database.read() as connection:
        taken = {row.quota: (row.taken, row.cap) for row in connection.execute(select(quota))}
        per_item = select(item.c.taken, func.count(assignment.c.assignment)).outerjoin(assignment)
        counted = connection.execute(per_item.group_by(item.c.item, item.c.taken)).all()
        had: dict[str, set[str]] = {}
        for who, which in connection.execute(select(assignment.c.participant, assignment.c.item)):
            had.setdefault(who, set()).add(which)
        free = set(connection.execute(select(item.c.item).where(item.c.taken < item.c.cap)).scalars())
        states = Counter(connection.execute(select(participant.c.state)).scalars())
    database.close()
    assert set(ends) == {"/end"}
    assert taken[0] == (16, 16)
    assert taken[1][0] + taken[2][0] == 16
    assert states == {"finished": 16, "quota_full": PEOPLE - 16}
    assert all(row.taken == row[1] for row in counted)
    assert max(row.taken for row in counted) - min(row.taken for row in counted) <= 1
    # There are exactly as many places as are wanted, so at the end somebody may have had all that is free already.
    assert all(len(items) == 3 or free <= items for items in had.values())
