"""A database by its URL: SQLite in a file, or PostgreSQL. Every change is one transaction, durable when it returns."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from pluralign.errors import ConfigError, PluralignError
from pluralign.survey.database.turns import Turns
from pluralign.survey.database.writer import Writer

Result = TypeVar("Result")

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_ATTEMPTS = 8
# SQLSTATE of a serialisation failure and of a deadlock: PostgreSQL asks to begin the transaction anew. And of a key
# that is there already: two windows of one person did the same at once; begun anew, the later one finds what is there.
_AGAIN = ("40001", "40P01", "23505")


@dataclass(frozen=True, slots=True)
class Database:
    """An open database. ``run`` and ``read`` are the two ways in. ``writer``: does the changes of SQLite."""

    engine: Engine
    writer: Writer | None

    @classmethod
    def open(cls, url: str) -> Database:
        """Open ``sqlite:///FILE`` or ``postgresql://…``; ConfigError says what is wrong with the URL."""
        engine = _engine(url)
        if engine.dialect.name != "sqlite":
            return cls(engine, None)
        turns = Turns(Path(engine.url.database or ""))

        def transact(work: Callable[[Connection], Any]) -> Any:
            with turns.taken():
                return _transact(engine, work)

        return cls(engine, Writer(transact, turns.close))

    @property
    def is_sqlite(self) -> bool:
        """Whether the data are in a SQLite file."""
        return self.engine.dialect.name == "sqlite"

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in one transaction that may write; begun anew where another one was in the way.

        When this returns, the change is on disk. ``work`` may be called several times and must leave nothing behind
        outside the database; nor may it call ``run`` itself.
        """
        return _transact(self.engine, work) if self.writer is None else self.writer.submit(work).result()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one state of the data throughout."""
        options = {"reading": True} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def upgrade(self) -> None:
        """Bring the tables to the present version; does nothing where they are there already."""
        from pluralign.survey.database.migrate import upgrade

        upgrade(self)

    def settle(self) -> None:
        """Make items that were just put in as quick to hand out as they will be later (PostgreSQL; SQLite needs none).

        PostgreSQL asks at the first visit of a new row whether its transaction was committed, and rewrites the page to
        remember it; until it has counted a table's rows it also guesses how to search it.
        """
        if not self.is_sqlite:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM (ANALYZE) prompt, item, coverage")

    def sweep(self) -> None:
        """Empty SQLite's log of changes, in which erased answers would else stay for a while.

        What PostgreSQL needs takes longer and is done once a minute, see ``operation.sweeping``.
        """
        if self.is_sqlite:
            with self.engine.connect().execution_options(reading=True, isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Do what has been handed in, and close all connections."""
        if self.writer is not None:
            self.writer.close()
        self.engine.dispose()


def _transact(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    for attempt in range(_ATTEMPTS):
        try:
            with engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if attempt == _ATTEMPTS - 1 or not _is_contention(error):
                raise
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise AssertionError("unreachable")


def _engine(url: str) -> Engine:
    try:
        parts = make_url(url)
        backend = parts.get_backend_name()
        if backend not in _DRIVERS:
            raise ConfigError(f'The database URL begins with "{backend}"; allowed: sqlite:///FILE or postgresql://….')
        if backend == "sqlite":
            return _sqlite(parts.set(drivername=_DRIVERS[backend]))
        return create_engine(
            parts.set(drivername=_DRIVERS[backend]),
            pool_size=10,
            max_overflow=10,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            "The database URL cannot be read. Write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."
        ) from error


def _sqlite(url: Any) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("The database must be a file: sqlite:///FILE. One in memory would lose what was answered.")
    if not Path(url.database).parent.is_dir():
        raise ConfigError(f"{Path(url.database).parent}: there is no such folder for the database. Create it first.")
    _keep_private(Path(url.database))
    engine = create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=20, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _keep_private(path: Path) -> None:
    """What people said is for the owner of the file alone; SQLite makes its log beside it with the same rights."""
    if not path.exists():
        path.touch(mode=0o600)
    elif path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
        path.chmod(0o600)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Durable, many readers beside one writer; deleted content is overwritten, so that who withdraws is gone."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Take the write lock at once: two transactions that read first and write later cannot then undo each other."""
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _is_contention(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _AGAIN:
        return True
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)


def check_reachable(database: Database) -> None:
    """Raise PluralignError with one sentence where the database does not answer."""
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as error:
        place = database.engine.url.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise PluralignError(
            f"{place}: the database does not answer ({reason}). Start it, or correct the URL."
        ) from error
