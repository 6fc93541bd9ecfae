"""Who was erased, so that restoring an older backup does not bring them back.

A file in the study folder, apart from the database and its backups, with one keyed digest for everybody erased. It
holds no byte of anybody's id or answers; only with the survey's secret can an id be compared with it.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from pluralign.errors import ConfigError
from pluralign.survey.database import Database
from pluralign.survey.database.tables import erasure, participant
from pluralign.survey.fielding import withdrawal
from pluralign.survey.security import keyed_hash

ERASED_FILE = "survey-erased"
_PURPOSE = "erased"
_MARK = 8


@dataclass(frozen=True, slots=True)
class Erased:
    """The file of a survey. Each line is a mark of the secret, which says nothing else, and the digest."""

    path: Path
    secret: bytes = field(repr=False)

    def note(self, identifier: str) -> None:
        """Add somebody; on disk when this returns. Noting somebody twice does no harm."""
        line = f"{self._mark()}:{self._digest(identifier)}\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def among(self, identifiers: Iterable[str]) -> list[str]:
        """Those of the participants who were erased. ConfigError where the list was kept with another secret."""
        known = self._read()
        return [each for each in identifiers if self._digest(each) in known]

    def check(self) -> int:
        """How many lines there are; ConfigError where some were written with another secret."""
        return len(self._read())

    def _read(self) -> set[str]:
        if not self.path.exists():
            return set()
        lines = [line.partition(":") for line in self.path.read_text(encoding="ascii").split()]
        if foreign := sum(not hmac.compare_digest(mark, self._mark()) for mark, _, _ in lines):
            raise ConfigError(
                f"{self.path}: lines written with another secret: {foreign} of {len(lines)}; nobody could be found by "
                "them. Put the survey's secret back (survey-secret, or PLURALIGN_SECRET)."
            )
        return {digest for _, _, digest in lines}

    def _mark(self) -> str:
        return keyed_hash(self.secret, "list of erased people", "")[:_MARK]

    def _digest(self, identifier: str) -> str:
        return keyed_hash(self.secret, _PURPOSE, identifier)


def erase_again(database: Database, erased: Erased, now: datetime) -> int:
    """Erase everybody on the list from a database that was restored; returns how many there were."""

    def work(connection: Connection) -> int:
        found = erased.among(connection.execute(select(participant.c.participant)).scalars())
        for identifier in found:
            withdrawal.withdraw(connection, identifier, "restore", now)
        return len(found)

    number = database.run(work)
    database.sweep()
    return number


def count_erasures(database: Database) -> int:
    """How many people were erased from a database so far."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(erasure)).scalar_one())


def count_erasures_in(file: Path) -> int | None:
    """The same of an SQLite file, which is not changed; None where there is none or it cannot be read."""
    if not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM erasure").fetchone()[0])
    except sqlite3.Error:
        return None
