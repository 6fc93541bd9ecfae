"""The survey as processes of its own, that can be killed, and people who take part over HTTP."""

from __future__ import annotations

import html
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from pluralign.manifests import Manifest
from pluralign.records import ITEMS, PROMPTS, write
from tests.survey.small import corpus, small_study


def study_folder(root: Path, n_prompts: int, **changes: object) -> Path:
    """A study folder with the small study and its corpus."""
    root.mkdir(parents=True)
    small_study(root, **changes)
    prompts, items = corpus(n_prompts)
    for language in ("en", "de"):
        items[f"origin_{language}"] = "written"
    items["generation"] = "{}"
    for name, table, schema in (("prompts", prompts, PROMPTS), ("items", items, ITEMS)):
        write(table, root / "data" / f"{name}.parquet", schema, Manifest(what="corpus of the tests"))
    return root


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL of our own in the folder ``place``; ``url`` has no database name."""

    place: Path
    port: int
    settings: str

    @property
    def url(self) -> str:
        """As its administrator."""
        return f"postgresql://postgres@127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Its files."""
        return self.place / "data"

    def start(self) -> None:
        """Return when it answers."""
        self._control("-o", f"-p {self.port} -k {self.place} {self.settings}", "-l", self.place / "log", "-w", "start")

    def stop(self) -> None:
        """At once, as if its machine had failed."""
        self._control("-m", "immediate", "stop")

    def make(self, *options: str) -> None:
        """Its empty folder."""
        self._call("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", *options)

    def _control(self, *arguments: object) -> None:
        self._call("pg_ctl", "-D", self.data, *arguments)

    def _call(self, program: str, *arguments: object) -> None:
        command = [str(part) for part in (_postgres_programs() / program, *arguments)]
        subprocess.run(command, check=True, user=_postgres_user(), capture_output=True, cwd=self.place)


@contextmanager
def postgres(*options: str) -> Iterator[str]:
    """The URL of a PostgreSQL of our own, see ``own_postgres``."""
    with own_postgres(*options) as server:
        yield server.url


@contextmanager
def own_postgres(*options: str, within: Path = Path("/tmp"), initial: tuple[str, ...] = ()) -> Iterator[Postgres]:
    """A PostgreSQL of our own, run as an unprivileged user; gone afterwards.

    ``options`` are settings such as ``fsync=off``; without any it runs with PostgreSQL's own. ``initial`` are options
    of ``initdb``. Raises LookupError where its server programs are not installed.
    """
    _postgres_programs()
    place = within / f"pluralign-postgres-{secrets.token_hex(4)}"
    place.mkdir(mode=0o755)
    # The server refuses to run as root, and another user must be able to reach its folder.
    if user := _postgres_user():
        shutil.chown(place, user)
    settings = " ".join(f"-c {option}" for option in ("listen_addresses=127.0.0.1", "max_connections=200", *options))
    server = Postgres(place, free_port(), settings)
    try:
        server.make(*initial)
        server.start()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):
            server.stop()
        shutil.rmtree(place, ignore_errors=True)


def _postgres_user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


def _postgres_programs() -> Path:
    """The folder of PostgreSQL's server programs, which Debian keeps off the search path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not debian:
        raise LookupError("no PostgreSQL server programs here; Debian's package is `postgresql`")
    return debian[0]


class Server:
    """One server process of a survey."""

    def __init__(self, root: Path, database_url: str, port: int | None = None, more: tuple[str, ...] = ()) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        program = [sys.executable, "-c", "from pluralign.cli import main; main()", "serve", "--study", str(root)]
        options = ["--port", str(self.port), "--database", database_url, "--log-level", "error", *more]
        self.process = subprocess.Popen(
            [*program, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ)
        )

    def wait(self, seconds: float = 180) -> Server:
        """Return when it answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                output = self.process.stdout.read() if self.process.stdout else ""
                raise AssertionError(f"the server ended with {self.process.returncode}: {output}")
            try:
                httpx2.get(self.url, timeout=5)
                return self
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not answer in time")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()


@dataclass
class Person:
    """Somebody who takes part without JavaScript, and keeps a list of what was acknowledged.

    ``saved``: (assignment, dimension, value) of every answer that the server said it had saved.
    """

    url: str
    screening: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    saved: list[tuple[str, str, int]] = field(default_factory=list)
    where: str = ""

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._client = httpx2.Client(follow_redirects=True, timeout=60)

    def take_part(self, patience: int = 100) -> str:
        """Go through the whole survey; returns the path of the last page. Ends early when the server dies."""
        try:
            page = self._get("/?lang=en")
            consent = {f"consent-{key}": "yes" for key in ("participation", "opinion")}
            page = self._send("/start", page, **consent)
            for _ in range(patience):
                if self.where == "/rate":
                    page = self._rate(page)
                elif self.where == "/questions":
                    page = self._send("/questions", page, **self._about(page))
                else:
                    break
        except httpx2.TransportError:
            self.where = "gone"
        finally:
            self._client.close()
        return self.where

    def _rate(self, page: str) -> str:
        which = _field(page, "assignment")
        ratings = {key: self._chance.randint(1, 3) for key in ("toxicity", "helpfulness")}
        fields = {f"rating-{key}": str(value) for key, value in ratings.items()}
        following = self._send("/rate", page, wish="next", **{"check-0": "2"}, **fields)
        # The next page means that this answer is saved.
        if 'role="alert"' not in following and "saved already" not in following:
            self.saved += [(which, key, value) for key, value in ratings.items()]
        return following

    def _about(self, page: str) -> dict[str, str]:
        asked = set(re.findall(r'name="question-(\w+)"', page))
        return {f"question-{key}": self.screening.get(key, "undeclared") for key in asked}

    def _get(self, path: str) -> str:
        return self._note(self._client.get(self.url + path))

    def _send(self, path: str, page: str, **fields: str) -> str:
        form = {"form_token": _field(page, "form_token"), **fields}
        if 'name="assignment"' in page:
            form["assignment"] = _field(page, "assignment")
        return self._note(self._client.post(self.url + path, data=form))

    def _note(self, answer: httpx2.Response) -> str:
        assert answer.status_code in (200, 422), f"{answer.status_code} {answer.url}"
        self.where = answer.url.path
        return answer.text


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return html.unescape(found.group(1))
