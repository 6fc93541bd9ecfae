"""A copy of the database while the survey goes on, and the way back.

SQLite is copied through its online backup, PostgreSQL by ``pg_dump``; both see one state of the data throughout.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.engine import URL

from pluralign.errors import ConfigError, PluralignError
from pluralign.survey.database import Database, check_reachable


def backup(database: Database, path: Path) -> int:
    """Write a backup to ``path`` and return its size in bytes; readable by its owner alone.

    Raises ConfigError where the file exists or its folder does not, PluralignError where the copy is not sound.
    """
    if path.exists():
        raise ConfigError(f"{path} exists. Choose another name; backups are never written over.")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent}: there is no such folder. Create it first.")
    check_reachable(database)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.touch(mode=0o600)
        copy = _copy_sqlite if database.is_sqlite else _dump
        copy(database.engine.url, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path.stat().st_size


def restore(path: Path, database: Database) -> None:
    """Fill an empty database from a backup.

    Raises ConfigError where there is no backup or the database is not empty: what is there is never written over.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such backup.")
    check_reachable(database)
    if inspect(database.engine).get_table_names():
        place = database.engine.url.render_as_string(hide_password=True)
        raise ConfigError(f"{place} is not empty. Restore into a new database, then serve from that one.")
    if not database.is_sqlite:
        _run("pg_restore", database.engine.url, "--exit-on-error", "--no-owner", "--single-transaction", str(path))
        return
    database.close()
    target_file = str(database.engine.url.database)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target_file)) as target:
        _check_sound(source, path)
        source.backup(target)


def _copy_sqlite(url: URL, beside: Path) -> None:
    with closing(sqlite3.connect(str(url.database))) as source, closing(sqlite3.connect(beside)) as target:
        source.backup(target)
        # A copy in one file, without a log beside it.
        target.execute("PRAGMA journal_mode=DELETE")
        _check_sound(target, beside)
    descriptor = os.open(beside, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _check_sound(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise PluralignError(f"{path} is no sound SQLite database ({error}).") from error
    if found != "ok":
        raise PluralignError(f"{path} is no sound SQLite database ({found}).")


def _dump(url: URL, beside: Path) -> None:
    _run("pg_dump", url, "--format=custom", "--no-owner", f"--file={beside}")


def _run(program: str, url: URL, *arguments: str) -> None:
    """Run a program of PostgreSQL; the password goes through the environment, where other users cannot see it."""
    found = shutil.which(program)
    if found is None:
        raise PluralignError(f"{program} is not installed; it comes with PostgreSQL's client programs.")
    place = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    known = {name: str(value) for name, value in place.items() if value is not None}
    result = subprocess.run(
        [found, f"--dbname={url.database}", *arguments],
        env=os.environ | known,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no explanation"])[0]
        raise PluralignError(f"{program} failed ({reason}).")
