"""How much a survey's server bears: answers per second and the time that people wait, and the time of an assignment.

    python benchmarks/survey_load.py load --people 200 --seconds 60 --workers 2
    python benchmarks/survey_load.py load --people 200 --seconds 60 --think 5
    python benchmarks/survey_load.py assignment --items 1000 1000000

``load`` serves a small study and lets people take part over HTTP from threads of this process: clients and server share
the machine. Without ``--think`` each sends as fast as it is answered, which measures throughput; with it, each waits so
many seconds between two answers, as people do, which measures how long they wait. ``assignment`` needs no server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from sqlalchemy import Connection, insert

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pluralign.survey import instrument
from pluralign.survey.database import Database
from pluralign.survey.database.tables import item, prompt
from pluralign.survey.fielding import assignment, participants, quotas
from pluralign.survey.fielding.plan import Plan
from tests.survey.servers import Person, Server, study_folder
from tests.survey.small import small_study

AGREED = {"participation": True, "opinion": True}


class Timed(Person):
    """Somebody who takes part again and again, and notes how long every answer took to be acknowledged."""

    def __init__(self, url: str, seed: int, think: float, until: float) -> None:
        super().__init__(url, seed=seed)
        self.think, self.until = think, until
        self.waited: list[float] = []

    def _rate(self, page: str) -> str:
        if self.think:
            time.sleep(self._chance.uniform(0.5, 1.5) * self.think)
        if time.monotonic() > self.until:
            raise httpx2.ReadTimeout("the time is over")
        began = time.perf_counter()
        following = super()._rate(page)
        self.waited.append(time.perf_counter() - began)
        return following


def load(arguments: argparse.Namespace) -> None:
    """Serve, let people take part, print answers per second and waiting times."""
    with tempfile.TemporaryDirectory() as place:
        recruitment = {"platform": "open", "target": 10**6}
        root = study_folder(Path(place) / "study", 500, recruitment=recruitment, items_per_rater=100)
        url = arguments.database or f"sqlite:///{place}/survey.db"
        more = ("--workers", str(arguments.workers), "--attempts-per-minute", "1000000")
        server = Server(root, url, more=more).wait()
        until = time.monotonic() + arguments.seconds
        people = [Timed(server.url, n, arguments.think, until) for n in range(arguments.people)]
        threads = [threading.Thread(target=person.take_part) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.stop()
    waited = sorted(seconds for person in people for seconds in person.waited)
    print(
        f"{arguments.people} people, {arguments.workers} processes, thinking {arguments.think} s: "
        f"{len(waited) / arguments.seconds:.1f} answers/s, median {1000 * statistics.median(waited):.0f} ms, "
        f"p95 {1000 * waited[int(0.95 * len(waited))]:.0f} ms, longest {1000 * waited[-1]:.0f} ms"
    )


def time_assignments(arguments: argparse.Namespace) -> None:
    """Print the median time of handing out one item, for each number of items."""
    now = datetime.now(UTC)
    for n_items in arguments.items:
        with tempfile.TemporaryDirectory() as place:
            study = small_study(Path(place), items_per_rater=20, recruitment={"platform": "open", "target": 10**6})
            database = Database.open(arguments.database or f"sqlite:///{place}/survey.db")
            database.upgrade()
            plan = Plan(ratings_per_item=5)
            database.run(lambda connection, study=study: instrument.register(connection, study, now))
            database.run(lambda connection, study=study: quotas.set_up(connection, study))
            for start in range(0, n_items, 100_000):
                many = range(start, min(n_items, start + 100_000))
                database.run(lambda connection, many=many: fill(connection, many))
            times = [seconds for _ in range(arguments.raters) for seconds in take(database, study, plan, now)]
            database.close()
        times.sort()
        print(
            f"{n_items} items: median {1000 * statistics.median(times):.2f} ms, "
            f"p95 {1000 * times[int(0.95 * len(times))]:.2f} ms of {len(times)} assignments"
        )


def fill(connection: Connection, numbers: range) -> None:
    """Put items into the database, two of each prompt."""
    texts = {"en": "text", "de": "Text"}
    prompts = [{"prompt": f"p{n}", "texts": texts, "source": None} for n in numbers if n % 2 == 0]
    places = {"texts": texts, "cap": 5, "taken": 0, "active": True}
    items = [
        {"item": f"i{n}", "prompt": f"p{n - n % 2}", "context": ("none", "kind")[n % 2], "shuffle": (n * 0.618) % 1}
        | places
        for n in numbers
    ]
    connection.execute(insert(prompt), prompts)
    connection.execute(insert(item), items)


def take(database: Database, study: object, plan: Plan, now: datetime) -> list[float]:
    """One rater takes all their items; seconds for each."""

    def start(connection: Connection) -> participants.Started:
        return participants.start(connection, study, plan, language="en", origin="open", agreed=AGREED, now=now)

    who = database.run(start).participant.participant
    seconds = []
    for _ in range(study.items_per_rater):
        began = time.perf_counter()
        given = database.run(lambda connection: assignment.next_item(connection, plan, who, None, 20, now))
        seconds.append(time.perf_counter() - began)
        database.run(lambda connection, which=given.assignment: assignment.complete(connection, who, which, now))
    return seconds


def main() -> None:
    """Run one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("load")
    one.add_argument("--people", type=int, default=200)
    one.add_argument("--seconds", type=float, default=60)
    one.add_argument("--workers", type=int, default=2)
    one.add_argument("--think", type=float, default=0.0)
    one.add_argument("--database", help="an empty PostgreSQL database; without it, a SQLite file")
    one.set_defaults(do=load)
    two = commands.add_parser("assignment")
    two.add_argument("--items", type=int, nargs="+", default=[1000, 1_000_000])
    two.add_argument("--raters", type=int, default=10)
    two.add_argument("--database", help="an empty PostgreSQL database; without it, a SQLite file")
    two.set_defaults(do=time_assignments)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
