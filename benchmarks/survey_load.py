"""How much a survey's server bears, beside Potato with the same people; and the time of an assignment.

    python benchmarks/survey_load.py load --people 32 --seconds 30
    python benchmarks/survey_load.py load --people 200 --seconds 60 --think 10 --clicks
    python benchmarks/survey_load.py compare --potato VENV/bin --people 32 --seconds 20
    python benchmarks/survey_load.py assignment --items 1000 1000000

Clients and server share the machine. Without ``--think`` everybody sends as fast as they are answered, which measures
the most that the server can do. With it everybody takes half to one and a half times so many seconds for each item, as
people do, and what is measured is how long they wait. ``--clicks`` also saves each answer by itself when it is chosen,
as browsers with scripts do. ``--database postgresql`` starts a PostgreSQL of its own with PostgreSQL's own settings.

``compare`` serves the same study with Potato, from a virtual environment of its own (``pip install
potato-annotation==2.12.1 gunicorn``): in both ways that its documentation names, of which the faster one counts. It
needs no database; ours is measured on SQLite and on PostgreSQL. ``assignment`` times the handing out of items alone,
among few and among many in turns, in databases settled after the items came in, as ``pluralign serve`` leaves them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, insert

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey_people import GoneError, OurRater, PotatoRater, Rater
from survey_study import our_study, potato_task

from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.database import Database
from pluralign.survey.database.tables import item, prompt
from pluralign.survey.fielding import assignment, participants, quotas
from pluralign.survey.fielding.plan import Plan
from tests.survey.servers import Server, free_port, postgres
from tests.survey.small import small_study

# Seconds until a server answers, on a machine that is busy with other things.
_PATIENCE = 180
PLAN = Plan(ratings_per_item=5)
AGREED = {"participation": True, "opinion": True}


@dataclass(frozen=True, slots=True)
class Load:
    """How long people waited for the next item, and for the save of a single answer; ``processor``: seconds used by
    the server's processes, a database server's not among them."""

    name: str
    seconds: float
    waited: list[float]
    saves: list[float]
    processor: float

    @property
    def rate(self) -> float:
        """Items rated in a second."""
        return len(self.waited) / self.seconds

    def __str__(self) -> str:
        saved = f"; saves of an answer: {_spread(self.saves)}" if self.saves else ""
        work = 1000 * self.processor / max(1, len(self.waited))
        return (
            f"{self.name}: {self.rate:.1f} items/s, {_spread(self.waited)}{saved}; "
            f"server's processor time {work:.1f} ms per item"
        )


def _spread(seconds: list[float]) -> str:
    values = sorted(1000 * value for value in seconds)
    at_95 = values[int(0.95 * len(values))]
    return f"median {statistics.median(values):.0f} ms, p95 {at_95:.0f} ms, longest {values[-1]:.0f} ms"


async def crowd(name: str, kind: type[Rater], url: str, process: int, arguments: argparse.Namespace) -> Load:
    """Let people take part for so many seconds, each followed by the next; what is measured begins after ``--warm-up``.

    ``process``: the server's first.
    """
    # What a server loads at its first answers is not measured.
    first = kind(url, 10**6)
    await first.enter()
    for _ in range(3):
        await first.rate()
    await first.browser.close()
    raters: list[Rater] = []
    since = time.perf_counter() + arguments.warm_up
    until = since + arguments.seconds

    async def place(number: int) -> None:
        # People do not all come in the same second.
        await asyncio.sleep(number / arguments.people * arguments.warm_up)
        while time.perf_counter() < until:
            rater = kind(url, number + len(raters) * arguments.people, arguments.clicks, arguments.think, since=since)
            raters.append(rater)
            await rater.enter()
            more = True
            while more and time.perf_counter() < until:
                more = await rater.rate()
            await rater.browser.close()

    tasks = [asyncio.create_task(place(number)) for number in range(arguments.people)]
    # Whoever is still thinking when the time is over is sent home.
    await asyncio.sleep(arguments.warm_up)
    before = processor_time(process)
    done, pending = await asyncio.wait(tasks, timeout=arguments.seconds)
    used = processor_time(process) - before
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        if task.exception() is not None and not isinstance(task.exception(), GoneError):
            raise task.exception()  # type: ignore[misc]
    waited = [each for rater in raters for each in rater.waited]
    if not waited:
        raise SystemExit(f"{name}: nothing was answered in {arguments.seconds:g} seconds; give it more time.")
    return Load(name, arguments.seconds, waited, [each for rater in raters for each in rater.saves], used)


def processor_time(process: int) -> float:
    """Seconds of processor time that a process and its living children have used."""
    used = 0.0
    tasks = Path(f"/proc/{process}/task")
    for task in tasks.iterdir():
        used += sum(processor_time(int(child)) for child in (task / "children").read_text().split())
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return used + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(arguments: argparse.Namespace) -> Load:
    """Our survey."""
    with tempfile.TemporaryDirectory() as place, database_of(arguments.database, place) as url:
        recruitment = {"platform": "open", "target": 10**6}
        root = our_study(
            Path(place) / "study", arguments.items, recruitment=recruitment, items_per_rater=arguments.items_per_rater
        )
        more = ("--workers", str(arguments.workers), "--attempts-per-minute", "1000000")
        server = Server(root, url, more=more).wait(_PATIENCE)
        name = f"ours, {url.partition(':')[0]}, {arguments.workers} processes"
        try:
            return asyncio.run(crowd(name, OurRater, server.url, server.process.pid, arguments))
        finally:
            server.stop()


@contextmanager
def database_of(wish: str | None, place: str) -> Iterator[str]:
    """The URL of an empty database; a server of our own is stopped afterwards."""
    if wish != "postgresql":
        yield wish or f"sqlite:///{place}/survey.db"
        return
    with postgres() as server:
        yield f"{server}/postgres"


def potato(arguments: argparse.Namespace, how: str) -> Load:
    """Potato, served by its own command or, as its image does, by gunicorn with one process of eight threads."""
    with tempfile.TemporaryDirectory() as place:
        config = potato_task(Path(place), arguments.items, arguments.items_per_rater)
        port = free_port()
        programs = Path(arguments.potato).absolute()
        command = {
            "potato start": [programs / "potato", "start", config, "-p", port, "--host", "127.0.0.1"],
            "gunicorn": [
                *(programs / "gunicorn", "--workers", 1, "--worker-class", "gthread", "--threads", 8),
                *("--bind", f"127.0.0.1:{port}", "--timeout", 120, f"potato.flask_server:create_app('{config}')"),
            ],
        }[how]
        with (Path(place) / "log").open("wb") as log:
            server = subprocess.Popen([str(part) for part in command], cwd=place, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", server)
            return asyncio.run(crowd(f"Potato, {how}", PotatoRater, f"http://127.0.0.1:{port}", server.pid, arguments))
        finally:
            server.send_signal(signal.SIGKILL if how == "potato start" else signal.SIGTERM)
            server.wait(60)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("Potato did not start; try it by hand.")


def load(arguments: argparse.Namespace) -> None:
    """One measurement of ours."""
    print(ours(arguments))


def compare(arguments: argparse.Namespace) -> None:
    """Both platforms under the same load, and how many times as much ours does."""
    best = 0.0
    for how in ("potato start", "gunicorn"):
        theirs = potato(arguments, how)
        print(theirs, flush=True)
        best = max(best, theirs.rate)
    for arguments.database in (None, "postgresql"):
        mine = ours(arguments)
        print(f"{mine}\n{mine.name}: {mine.rate / best:.1f} times the throughput of Potato", flush=True)


def time_assignments(arguments: argparse.Namespace) -> None:
    """Print the median time of handing out one item for each number of items, and how many times the first it is.

    The surveys take turns item by item, so that what else the machine does slows none of them more than another.
    """
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(postgres()) if arguments.database == "postgresql" else None
        study = small_study(Path(place), items_per_rater=20, recruitment={"platform": "open", "target": 10**6})
        surveys = []
        for number, n_items in enumerate(arguments.items):
            url = f"sqlite:///{place}/{number}.db" if server is None else new_database(server, f"survey_{number}")
            surveys.append(fielded(url, study, n_items, settled=not arguments.fresh))
            stack.callback(surveys[-1].close)
        times: list[list[float]] = [[] for _ in surveys]
        for _ in range(arguments.raters):
            for turn in zip(*(take(survey, study) for survey in surveys), strict=True):
                for known, seconds in zip(times, turn, strict=True):
                    known.append(seconds)
    first = statistics.median(times[0])
    for n_items, known in zip(arguments.items, times, strict=True):
        median, at_95 = statistics.median(known), sorted(known)[int(0.95 * len(known))]
        print(
            f"{n_items} items: median {1000 * median:.2f} ms, p95 {1000 * at_95:.2f} ms of {len(known)} assignments, "
            f"{median / first:.2f} times the first"
        )


def new_database(server: str, name: str) -> str:
    """The URL of a new database on a PostgreSQL server."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return f"{server}/{name}"


def fielded(url: str, study: Study, n_items: int, *, settled: bool) -> Database:
    """A survey with so many items. ``settled``: as `pluralign serve` leaves a database that it put items into."""
    database = Database.open(url)
    database.upgrade()
    database.run(lambda connection: instrument.register(connection, study, datetime.now(UTC)))
    database.run(lambda connection: quotas.set_up(connection, study))
    for start in range(0, n_items, 100_000):
        many = range(start, min(n_items, start + 100_000))
        database.run(lambda connection, many=many: fill(connection, many))
    if settled:
        database.settle()
    return database


def fill(connection: Connection, numbers: range) -> None:
    """Put items into the database, two of each prompt."""
    texts, chance = {"en": "text", "de": "Text"}, random.Random(numbers.start)
    prompts = [{"prompt": f"p{n}", "texts": texts, "source": None} for n in numbers if n % 2 == 0]
    places = {"texts": texts, "cap": PLAN.ratings_per_item, "taken": 0, "active": True}
    items = [
        {"item": f"i{n}", "prompt": f"p{n - n % 2}", "context": ("none", "kind")[n % 2], "shuffle": chance.random()}
        | places
        for n in numbers
    ]
    connection.execute(insert(prompt), prompts)
    connection.execute(insert(item), items)


def take(database: Database, study: Study) -> Iterator[float]:
    """One rater takes all their items; seconds for each."""
    now = datetime.now(UTC)

    def start(connection: Connection) -> participants.Started:
        return participants.start(connection, study, PLAN, language="en", origin="open", agreed=AGREED, now=now)

    def next_item(connection: Connection) -> assignment.Assignment | None:
        return assignment.next_item(connection, PLAN, who, None, study.items_per_rater, now)

    who = database.run(start).participant.participant
    for _ in range(study.items_per_rater):
        began = time.perf_counter()
        given = database.run(next_item)
        yield time.perf_counter() - began
        assert given is not None
        database.run(lambda connection, which=given.assignment: assignment.complete(connection, who, which, now))


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--people", type=int, default=32)
    common.add_argument("--seconds", type=float, default=30)
    common.add_argument("--warm-up", type=float, default=5, help="seconds over which people arrive, not measured")
    common.add_argument("--think", type=float, default=0.0, help="seconds that somebody takes for one item")
    common.add_argument("--clicks", action="store_true", help="save each answer by itself, as scripts do")
    common.add_argument("--workers", type=int, default=2)
    common.add_argument("--items", type=int, default=1000)
    common.add_argument("--items-per-rater", type=int, default=20)
    one = commands.add_parser("load", parents=[common])
    one.add_argument("--database", help="postgresql, or the URL of an empty database; without it, a SQLite file")
    one.set_defaults(do=load)
    two = commands.add_parser("compare", parents=[common])
    two.add_argument("--potato", required=True, metavar="FOLDER", help="of Potato's programs: VENV/bin")
    two.set_defaults(do=compare)
    three = commands.add_parser("assignment")
    three.add_argument("--items", type=int, nargs="+", default=[1000, 1_000_000])
    three.add_argument("--raters", type=int, default=10)
    three.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    three.add_argument("--fresh", action="store_true", help="right after the items came in, not settled first")
    three.set_defaults(do=time_assignments)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
