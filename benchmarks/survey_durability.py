"""Acknowledged means durable: the survey's server is killed again and again under load, and nothing may be missing.

    python benchmarks/survey_durability.py --kills 100
    python benchmarks/survey_durability.py --kills 100 --database postgresql://USER@HOST/EMPTY_DATABASE

Prints, after the last kill, how many ratings were acknowledged to somebody, how many of these are missing or differ in
the database, and how many are there twice.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pluralign.survey.database import Database
from pluralign.survey.database.tables import assignment, rating
from tests.survey.servers import Person, Server, study_folder

PEOPLE = 4


def main() -> None:
    """Kill, restart, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--database", help="an empty PostgreSQL database; without it, a SQLite file")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance, acknowledged = random.Random(arguments.seed), dict[tuple[str, str], int]()
    with tempfile.TemporaryDirectory() as place:
        root = study_folder(Path(place) / "study", 200, recruitment={"platform": "open", "target": 10**6})
        url = arguments.database or f"sqlite:///{place}/survey.db"
        for kill in range(arguments.kills):
            acknowledged |= killed_under_load(root, url, chance, kill)
        missing, doubled, stored = compared(url, acknowledged)
    print(
        f"{arguments.kills} kills: {len(acknowledged)} ratings acknowledged, {missing} missing, {doubled} doubled, "
        f"{stored} stored"
    )
    raise SystemExit(bool(missing or doubled))


def killed_under_load(root: Path, url: str, chance: random.Random, kill: int) -> dict[tuple[str, str], int]:
    """Serve people, kill the server at a random moment, return what it had acknowledged by then."""
    server = Server(root, url).wait()
    people = [Person(server.url, seed=PEOPLE * kill + number) for number in range(PEOPLE)]
    threads = [threading.Thread(target=person.take_part) for person in people]
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0.05, 1.0))
    server.stop(signal.SIGKILL)
    for thread in threads:
        thread.join()
    return {(which, key): value for person in people for which, key, value in person.saved}


def compared(url: str, acknowledged: dict[tuple[str, str], int]) -> tuple[int, int, int]:
    """Acknowledged ratings that are missing or differ, items given twice to one person, ratings stored."""
    database = Database.open(url)
    with database.read() as connection:
        rows = connection.execute(select(rating.c.assignment, rating.c.dimension, rating.c.value)).all()
        given = connection.execute(select(assignment.c.participant, assignment.c.item)).all()
    database.close()
    keys = Counter((row.assignment, row.dimension) for row in rows)
    found = {(row.assignment, row.dimension): row.value for row in rows}
    missing = sum(found.get(key) != value for key, value in acknowledged.items())
    twice = sum(count > 1 for count in keys.values()) + sum(count > 1 for count in Counter(map(tuple, given)).values())
    return missing, twice, len(rows)


if __name__ == "__main__":
    main()
