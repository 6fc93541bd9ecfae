"""After an erasure PostgreSQL's tables are written anew, since deleted rows stay in its files until then.

Even `VACUUM` only marks their room as free, and what PostgreSQL knows about its columns holds samples of their values.
SQLite needs none of this: it overwrites what is deleted.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from pluralign.survey.database import Database
from pluralign.survey.database.tables import (
    answer,
    assignment,
    attention,
    audit,
    consent,
    erasure,
    first_answer,
    identity,
    participant,
    quota_place,
    rating,
    task,
)

# Whatever `withdrawal.withdraw` deletes from.
_TABLES = (participant, identity, consent, answer, assignment, rating, attention, first_answer, task, quota_place)
_WHO, _WHAT = "pluralign", "wrote the tables anew, without the erased"
# An erasure is noted a moment before it is committed; a transaction that began by then may still see the person.
_COMMITTED = timedelta(seconds=5)
# One process at a time; nobody waits longer than this for a table that others read.
_LOCK, _LOCK_TIMEOUT = 0x706C7572, "2s"

_NEWEST = select(func.max(erasure.c.at))
_DONE = select(func.max(audit.c.at)).where(audit.c.who == _WHO, audit.c.what == _WHAT)
_OLDER = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND xact_start <= :moment"
)


def write_anew(database: Database, now: datetime) -> bool:
    """Write the tables anew where somebody was erased since the last time; whether that was done.

    Not while a transaction runs that began before the erasure: PostgreSQL would keep the rows for it. The next call
    finds it still to do. The log of who did what has an entry of it.
    """
    if database.is_sqlite:
        return False
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        newest = connection.execute(_NEWEST.where(erasure.c.at <= now - _COMMITTED)).scalar_one()
        done = connection.execute(_DONE).scalar_one()
        if newest is None or (done is not None and done >= newest):
            return False
        if connection.execute(_OLDER, {"moment": newest + _COMMITTED}).scalar_one():
            return False
        if not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
            return False
        try:
            _write_anew(connection)
            connection.execute(insert(audit).values(at=newest, who=_WHO, what=_WHAT))
        finally:
            connection.exec_driver_sql("RESET lock_timeout")
            connection.execute(select(func.pg_advisory_unlock(_LOCK)))
    return True


def _write_anew(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    for table in _TABLES:
        connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")
        if connection.execute(select(table).limit(1)).first() is None:
            _forget_samples(connection, table)
    # Owners of the database may do the first, administrators the second; without them both happen by themselves later.
    for step in ("VACUUM (FULL) pg_statistic", "CHECKPOINT"):
        with suppress(DBAPIError):
            connection.exec_driver_sql(step)


def _forget_samples(connection: Connection, table: Table) -> None:
    """Of an empty table ANALYZE leaves the old samples; giving a column its type anew drops those of the column."""
    for column in table.c:
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f'ALTER TABLE {table.name} ALTER COLUMN "{column.name}" TYPE {kind}')
