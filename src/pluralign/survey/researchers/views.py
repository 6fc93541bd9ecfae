"""One participant, one item, and the lists that lead to them. Who somebody is to a recruitment platform is not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from pluralign.stats.labels import Labels
from pluralign.study import Study
from pluralign.survey.database.tables import answer, assignment, attention, item, participant, prompt, rating, task
from pluralign.survey.release.counting import (
    Quartiles,
    SecondsBetween,
    complete,
    count,
    item_seconds,
    median,
    page_of,
    quartiles,
    ranked,
    value_counts,
)
from pluralign.survey.release.flags import Signs

PER_PAGE = 50
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list."""

    lines: tuple[Line, ...]
    n: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Person:
    """``about``: questions and answers; ``signs``: as `pluralign.survey.release.flags.signs` has them; ``items``: what
    was given to the person, with the ratings by dimension and attention checks passed and failed; ``written``: item,
    kind, language and text of what the person wrote."""

    line: Line
    about: tuple[tuple[str, str], ...]
    signs: Line
    items: tuple[Line, ...]
    written: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often each value of the scale was given on a dimension."""

    label: str
    counts: tuple[int, ...]

    @property
    def n(self) -> int:
        """Ratings."""
        return sum(self.counts)

    @property
    def mean(self) -> float:
        """Mean of the values 1 … K; NaN without ratings."""
        return sum(v * n for v, n in enumerate(self.counts, start=1)) / self.n if self.n else float("nan")


@dataclass(frozen=True, slots=True)
class Item:
    """One item with its texts in every language, its ratings, and the time it takes."""

    line: Line
    prompt: Mapping[str, str]
    response: Mapping[str, str]
    distributions: tuple[Distribution, ...]
    time: Quartiles
    skipped: int


def people(connection: Connection, signs: Signs, page: int, *, flagged: bool = False) -> Listing:
    """Participants, the latest first; with ``flagged`` only those with a sign of careless answers."""
    order = (participant.c.created_at.desc(), participant.c.participant)
    chosen = select(participant.c.participant)
    if flagged:
        raised = signs.flagged().subquery()
        chosen = chosen.join(raised, raised.c.participant == participant.c.participant)
    everybody = connection.execute(chosen.order_by(*order)).scalars().all()
    page, pages = page_of(len(everybody), page, PER_PAGE)
    here = everybody[(page - 1) * PER_PAGE : page * PER_PAGE]
    rows = connection.execute(select(participant).where(participant.c.participant.in_(here)).order_by(*order))
    evidence = signs.read(connection, signs.query(here))
    lines = tuple({**row, **evidence[row["participant"]]} for row in rows.mappings())
    return Listing(lines, len(everybody), page, pages)


def person(connection: Connection, signs: Signs, identifier: str) -> Person | None:
    """A participant, or None."""
    query = select(participant).where(participant.c.participant == identifier)
    line = connection.execute(query).mappings().one_or_none()
    if line is None:
        return None
    study = signs.study
    labels = Labels(study, study.languages[0])
    given = select(answer.c.question, answer.c.code).where(answer.c.participant == identifier)
    codes = {row.question: row.code for row in connection.execute(given)}
    about = tuple(
        (labels.demographic(key), labels.level(key, codes[key]) if key in codes else "–")
        for key in study.demographic_keys
    )
    evidence = signs.read(connection, signs.query([identifier]))[identifier]
    return Person(dict(line), about, evidence, _given(connection, identifier), _written(connection, identifier))


def _given(connection: Connection, identifier: str) -> tuple[Line, ...]:
    """What was handed to somebody, in order, with ratings and checks."""
    mine = assignment.c.participant == identifier
    seconds = SecondsBetween(assignment.c.shown_at, assignment.c.done_at).label("seconds")
    rated: dict[str, dict[str, int]] = {}
    of_mine = select(rating).join(assignment, assignment.c.assignment == rating.c.assignment).where(mine)
    for row in connection.execute(of_mine):
        rated.setdefault(row.assignment, {})[row.dimension] = row.value
    checks: dict[str, list[bool]] = {}
    checked = select(attention).join(assignment, assignment.c.assignment == attention.c.assignment).where(mine)
    for row in connection.execute(checked):
        checks.setdefault(row.assignment, []).append(row.value == row.wanted)
    lines = []
    shown = select(assignment, seconds).where(mine).order_by(assignment.c.position)
    for line in connection.execute(shown).mappings():
        passed = checks.get(line["assignment"], [])
        counts = {"passed": sum(passed), "failed": len(passed) - sum(passed)}
        lines.append({**line, "ratings": rated.get(line["assignment"], {}), **counts})
    return tuple(lines)


def _written(connection: Connection, identifier: str) -> tuple[Line, ...]:
    """Responses that somebody edited or wrote, in the order of the items."""
    query = select(assignment.c.item, task.c.kind, task.c.language, task.c.text)
    query = query.join_from(task, assignment, assignment.c.assignment == task.c.assignment)
    mine = query.where(assignment.c.participant == identifier)
    ordered = mine.order_by(assignment.c.position, task.c.kind.desc())
    return tuple(dict(row) for row in connection.execute(ordered).mappings())


def items(connection: Connection, study: Study, page: int) -> Listing:
    """Items, least rated first."""
    n = count(connection, select(item.c.item))
    page, pages = page_of(n, page, PER_PAGE)
    whole = complete(study)
    rated = select(whole.c.item, func.count().label("raters")).group_by(whole.c.item).subquery()
    raters = func.coalesce(rated.c.raters, 0).label("raters")
    columns = (item.c.item, item.c.context, item.c.cap, item.c.taken, item.c.active, raters)
    query = select(*columns).outerjoin(rated, rated.c.item == item.c.item).order_by(raters, item.c.item)
    rows = connection.execute(query.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).mappings().all()
    here = complete(study, assignment.c.item.in_([row["item"] for row in rows]))
    times = ranked(here, here.c.item)
    middle = select(times.c.item, median(times).label("seconds")).group_by(times.c.item)
    seconds = {row.item: row.seconds for row in connection.execute(middle)}
    lines = tuple({**row, "seconds": seconds.get(row["item"])} for row in rows)
    return Listing(lines, n, page, pages)


def item_of(connection: Connection, study: Study, key: str) -> Item | None:
    """An item, or None."""
    query = select(item, prompt.c.texts.label("asked")).join(prompt, prompt.c.prompt == item.c.prompt)
    line = connection.execute(query.where(item.c.item == key)).mappings().one_or_none()
    if line is None:
        return None
    of_item = assignment.c.item == key
    skipped = select(assignment.c.assignment).where(of_item, assignment.c.state == "skipped")
    return Item(
        line=dict(line),
        prompt=line["asked"],
        response=line["texts"],
        distributions=distributions(connection, study, key),
        time=quartiles(connection, item_seconds(study, of_item)),
        skipped=count(connection, skipped),
    )


def distributions(connection: Connection, study: Study, key: str | None = None) -> tuple[Distribution, ...]:
    """How often each value was given, for every dimension of the study; of one item, or of all."""
    only = () if key is None else (assignment.c.item == key,)
    labels, counts = Labels(study, study.languages[0]), value_counts(connection, study, *only)
    values = range(1, study.points + 1)
    return tuple(
        Distribution(labels.dimension(name), tuple(counts[name].get(value, 0) for value in values))
        for name in study.dimension_keys
    )
