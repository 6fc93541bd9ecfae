"""What participants say about an item: ratings, attention checks, the first question, texts of their own.

Every answer is saved when it is given and may be changed until the item is done. Saving twice is saving once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select, update

from pluralign.errors import ConfigError
from pluralign.study import Study
from pluralign.survey.database.tables import assignment, attention, first_answer, participant, rating, task
from pluralign.survey.fielding import assignment as assigning
from pluralign.survey.fielding.participants import Participant

# Longest text that is taken for an edited or crafted response, in characters.
LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Given:
    """Answers about one item. ``checks`` by position among the study's attention checks, counted from 0."""

    ratings: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[int, int] = field(default_factory=dict)
    first: bool | None = None
    tasks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """``known``: whether the item is this participant's; ``missing``: what is still needed before it is done.

    ``given_on``: whether everything was answered after the item's place had gone to somebody else.
    """

    known: bool
    missing: tuple[str, ...] = ()
    given_on: bool = False


def save(
    connection: Connection, study: Study, who: Participant, which: str, given: Given, *, final: bool, now: datetime
) -> Saved:
    """Write answers about an item; with ``final``, close it when nothing is missing.

    What is missing is named by the dimension's key, ``check-0``, ``check-1`` …, or ``first``. An item that is done
    stays as it is. Raises ConfigError for an answer that is not offered; nothing of that call is then written.
    """
    _check_offered(study, given)
    owned = (assignment.c.assignment == which, assignment.c.participant == who.participant)
    state = connection.execute(select(assignment.c.state).where(*owned)).scalar_one_or_none()
    if state is None:
        return Saved(known=False)
    if state in ("done", "skipped"):
        return Saved(known=True)
    _write(connection, study, who, which, given, now)
    seen = update(participant).where(participant.c.participant == who.participant)
    connection.execute(seen.values(seen_at=now))
    missing = _missing(study, load(connection, which)) if final else ()
    if not final or missing:
        return Saved(known=True, missing=missing)
    wanted = study.items_per_rater
    if state == "expired" and not assigning.reclaim(connection, who.participant, which, wanted):
        return Saved(known=True, given_on=True)
    assigning.complete(connection, who.participant, which, now)
    return Saved(known=True)


def load(connection: Connection, which: str) -> Given:
    """Everything said about an item so far."""
    ratings = connection.execute(select(rating.c.dimension, rating.c.value).where(rating.c.assignment == which))
    checks = connection.execute(select(attention.c.position, attention.c.value).where(attention.c.assignment == which))
    first = connection.execute(select(first_answer.c.value).where(first_answer.c.assignment == which))
    tasks = connection.execute(select(task.c.kind, task.c.text).where(task.c.assignment == which))
    return Given(
        {row.dimension: row.value for row in ratings},
        {row.position: row.value for row in checks},
        first.scalar_one_or_none(),
        {row.kind: row.text for row in tasks},
    )


def _write(connection: Connection, study: Study, who: Participant, which: str, given: Given, now: datetime) -> None:
    for dimension, value in given.ratings.items():
        values = {"value": value, "instrument": who.instrument, "at": now}
        _put(connection, rating, {"assignment": which, "dimension": dimension}, values)
    for position, value in given.checks.items():
        values = {"value": value, "wanted": study.attention_checks[position].wanted}
        _put(connection, attention, {"assignment": which, "position": position}, values)
    if given.first is not None:
        _put(connection, first_answer, {"assignment": which}, {"value": given.first})
    for kind, text in given.tasks.items():
        key = {"assignment": which, "kind": kind}
        if text.strip():
            _put(connection, task, key, {"text": text, "language": who.language, "at": now})
        else:
            connection.execute(delete(task).where(task.c.assignment == which, task.c.kind == kind))


def _put(connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Change the row of this key, or make it."""
    place = [table.c[name] == value for name, value in key.items()]
    if connection.execute(update(table).where(*place).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(**key, **values))


def _check_offered(study: Study, given: Given) -> None:
    for dimension, value in given.ratings.items():
        study.dimension(dimension)
        if not 1 <= value <= study.points:
            raise ConfigError(f"{dimension}: {value} is not on the scale; allowed: 1 to {study.points}.")
    for position, value in given.checks.items():
        if not 0 <= position < len(study.attention_checks):
            raise ConfigError(f"There is no attention check {position}; there are {len(study.attention_checks)}.")
        if value not in study.attention_checks[position].options:
            raise ConfigError(f"Attention check {position}: {value} is not among the answers offered.")
    for kind, text in given.tasks.items():
        if len(text) > LONGEST_TEXT:
            raise ConfigError(f"{kind}: the text has {len(text)} characters; at most {LONGEST_TEXT} can be saved.")


def _missing(study: Study, given: Given) -> tuple[str, ...]:
    first = ("first",) if study.first_question is not None and given.first is None else ()
    ratings = tuple(key for key in study.dimension_keys if key not in given.ratings)
    checks = tuple(f"check-{n}" for n in range(len(study.attention_checks)) if n not in given.checks)
    return first + ratings + checks
