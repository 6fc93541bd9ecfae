"""Researchers: who they are, how they prove it, what they did.

A session is an entry of the audit log: the one written at login. Its cookie is that entry's number, signed. So every
session can be seen in the log, and ends for good when a later entry says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection, delete, exists, insert, select, update

from pluralign.errors import ConfigError
from pluralign.survey.database.tables import attempt, audit, researcher
from pluralign.survey.security import keyed_hash
from pluralign.wording import counted

Role = Literal["viewer", "manager", "reviewer"]

SHORTEST_PASSWORD = 12
LONGEST_NAME = 100
SESSION = timedelta(hours=12)
WINDOW = timedelta(minutes=5)

LOGGED_IN, LOGGED_OUT, ADDED, REMOVED = "logged in", "logged out", "account added", "account removed"
_ENDINGS = (LOGGED_OUT, ADDED, REMOVED)

_hasher = PasswordHasher()
# What a password is compared with where nobody has the name, so that an answer takes as long.
_NOBODY = _hasher.hash("nobody")


@dataclass(frozen=True, slots=True)
class Researcher:
    """Somebody who may see the researchers' pages; a manager may also take data out and erase people, a reviewer sees
    the review of the corpus alone.
    """

    name: str
    role: str

    @property
    def is_manager(self) -> bool:
        """Whether releases, erasure and the log are open."""
        return self.role == "manager"

    @property
    def only_reviews(self) -> bool:
        """Whether nothing but the review of the corpus is open."""
        return self.role == "reviewer"


def add(connection: Connection, name: str, password: str, role: Role, now: datetime) -> None:
    """Make an account. Raises ConfigError for a name that is taken or odd, and for a password that is too short."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"A researcher's name has 1 to {LONGEST_NAME} printable characters.")
    if len(password) < SHORTEST_PASSWORD:
        found = counted(len(password), "character")
        raise ConfigError(f"The password has {found}; at least {SHORTEST_PASSWORD} are needed.")
    if stored_hash(connection, name) is not None:
        raise ConfigError(f'There is a researcher "{name}" already. Remove that account first to give it anew.')
    row = {"name": name, "password_hash": _hasher.hash(password), "role": role}
    connection.execute(insert(researcher).values(**row))
    note(connection, name, ADDED, now)


def remove(connection: Connection, name: str, now: datetime) -> None:
    """Take an account away, with its sessions. Raises ConfigError where there is none of this name."""
    if connection.execute(delete(researcher).where(researcher.c.name == name)).rowcount == 0:
        names = [each.name for each in everybody(connection)]
        raise ConfigError(f'There is no researcher "{name}"; there are: {", ".join(names) or "none"}.')
    note(connection, name, REMOVED, now)


def everybody(connection: Connection) -> list[Researcher]:
    """All accounts by name."""
    rows = connection.execute(select(researcher.c.name, researcher.c.role).order_by(researcher.c.name))
    return [Researcher(row.name, row.role) for row in rows]


def check(stored: str | None, password: str) -> bool:
    """Whether a password is right. ``stored`` is None where nobody has the name; that takes as long."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except VerificationError:
        return False


def stored_hash(connection: Connection, name: str) -> str | None:
    """What is stored of a researcher's password, or None."""
    query = select(researcher.c.password_hash).where(researcher.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def strengthen(connection: Connection, name: str, stored: str, password: str) -> None:
    """Store the password anew where the library's settings have become stronger since."""
    if _hasher.check_needs_rehash(stored):
        change = update(researcher).where(researcher.c.name == name)
        connection.execute(change.values(password_hash=_hasher.hash(password)))


def may_try(connection: Connection, secret: bytes, allowed: Mapping[str, int], now: datetime) -> bool:
    """Count an attempt to log in and say whether it may go on; counted in the database, for all processes together.

    ``allowed``: attempts in `WINDOW` for everything that is counted, such as ``{"name Ada": 10}``.
    """
    connection.execute(delete(attempt).where(attempt.c.since < now - WINDOW))
    tries = {what: _count(connection, keyed_hash(secret, "login", what), now) for what in allowed}
    return all(tries[what] <= at_most for what, at_most in allowed.items())


def _count(connection: Connection, key: str, now: datetime) -> int:
    more = update(attempt).where(attempt.c.key == key).values(number=attempt.c.number + 1).returning(attempt.c.number)
    number = connection.execute(more).scalar_one_or_none()
    if number is None:
        connection.execute(insert(attempt).values(key=key, since=now, number=1))
    return number or 1


def log_in(connection: Connection, secret: bytes, name: str, now: datetime) -> str:
    """Begin a session; returns the cookie."""
    entry = note(connection, name, LOGGED_IN, now)
    return f"{entry}.{_signature(secret, entry, name, now)}"


def who(connection: Connection, secret: bytes, cookie: str | None, now: datetime) -> Researcher | None:
    """The researcher of a session that is neither forged, ended nor too old."""
    number, _, signature = (cookie or "").partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return None
    begun = audit.c.entry == int(number)
    row = connection.execute(
        select(audit.c.at, researcher.c.name, researcher.c.role)
        .join(researcher, researcher.c.name == audit.c.who)
        .where(begun, audit.c.what == LOGGED_IN)
    ).one_or_none()
    if row is None or now - row.at > SESSION:
        return None
    if not hmac.compare_digest(_signature(secret, int(number), row.name, row.at), signature):
        return None
    ended = exists().where(audit.c.who == row.name, audit.c.entry > int(number), audit.c.what.in_(_ENDINGS))
    return None if connection.execute(select(ended)).scalar_one() else Researcher(row.name, row.role)


def log_out(connection: Connection, name: str, now: datetime) -> None:
    """End all sessions of a researcher, on every device."""
    note(connection, name, LOGGED_OUT, now)


def note(connection: Connection, name: str, what: str, now: datetime) -> int:
    """Write into the audit log; never who a participant is. Returns the entry's number."""
    done = connection.execute(insert(audit).values(at=now, who=name, what=what).returning(audit.c.entry))
    return int(done.scalar_one())


def _signature(secret: bytes, entry: int, name: str, at: datetime) -> str:
    # Name and moment are signed too: in a database begun anew the same number is another session.
    return keyed_hash(secret, "researcher", f"{entry}\n{name}\n{at.isoformat()}")
