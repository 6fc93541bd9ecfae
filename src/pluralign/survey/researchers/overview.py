"""How the study stands: progress against target and quotas, where people are, time, cost, signs of carelessness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, case, func, select

from pluralign.stats.labels import Labels
from pluralign.study import Study
from pluralign.survey.database.tables import ENDINGS, STATES, erasure, participant, quota, quota_place
from pluralign.survey.database.tables import instrument as versions
from pluralign.survey.instrument import Instrument, changes
from pluralign.survey.recruitment.access import ScreenOut
from pluralign.survey.release.counting import DayOf, Quartiles, item_seconds, quartiles, visit_seconds
from pluralign.survey.release.flags import KINDS, Signs

_MEANINGS = {
    "screening": "agreed, answering the questions that decide about taking part",
    "rating": "rating items",
    "demographics": "answering questions about themselves",
    "lapsed": "silent for long; their places were given on, they may come back",
    "screened_out": "may not take part by their answers (`recruitment.eligible`)",
    "quota_full": "came when the places for people like them were taken",
    "finished": "answered everything",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Places of one quota: ``taken`` by people who are in or through, ``finished`` of them, ``cap`` in all."""

    label: str
    finished: int
    taken: int
    cap: int


@dataclass(frozen=True, slots=True)
class State:
    """How many people are in a state, and what it means. ``over``: whether nothing follows it."""

    name: str
    meaning: str
    people: int
    over: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """Pay of those who finished, and of those who came from Prolific and were turned away.

    Without a platform's fees.
    """

    finished: float
    turned_away: float

    @property
    def total(self) -> float:
        """Both."""
        return self.finished + self.turned_away


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the instrument, how many people met it, and what ``changed`` since the one before.

    ``pooled``: whether ratings under it can be pooled with those under the newest.
    """

    version: int
    digest: str
    since: datetime
    people: int
    changed: tuple[str, ...]
    pooled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the first page."""

    progress: tuple[Progress, ...]
    states: tuple[State, ...]
    days: tuple[tuple[date, int], ...]
    per_item: Quartiles
    per_person: Quartiles
    n_ratings: int
    n_items: int
    flags: Mapping[str, int]
    wording: Mapping[str, str]
    erased: int
    versions: tuple[Version, ...]
    cost: Cost | None


def overview(connection: Connection, study: Study, screen_out: ScreenOut | None = None) -> Overview:
    """The state of a survey. ``screen_out``: what Prolific pays those who come in vain."""
    counted = select(participant.c.state, func.count()).group_by(participant.c.state)
    counts = {state: int(number) for state, number in connection.execute(counted)}
    per_item = quartiles(connection, item_seconds(study))
    signs = Signs(study, per_item.median)
    return Overview(
        progress=_progress(connection, study),
        states=tuple(State(name, _MEANINGS[name], counts.get(name, 0), name in ENDINGS) for name in STATES),
        days=_days(connection),
        per_item=per_item,
        per_person=quartiles(connection, visit_seconds()),
        n_ratings=per_item.n * len(study.dimensions),
        n_items=per_item.n,
        flags=_flags(connection, signs),
        wording=signs.limits.wording(),
        erased=int(connection.execute(select(func.count()).select_from(erasure)).scalar_one()),
        versions=_versions(connection),
        cost=_cost(connection, study, counts.get("finished", 0), screen_out),
    )


def _flags(connection: Connection, signs: Signs) -> dict[str, int]:
    """How many people have each sign."""
    every = signs.query().subquery()
    sums = [func.coalesce(func.sum(case((every.c[f"is_{kind}"], 1), else_=0)), 0) for kind in KINDS]
    return dict(zip(KINDS, (int(each) for each in connection.execute(select(*sums)).one()), strict=True))


def _cost(connection: Connection, study: Study, finished: int, screen_out: ScreenOut | None) -> Cost | None:
    """None where the study file names no pay."""
    pay = study.recruitment.pay if study.recruitment else None
    if pay is None:
        return None
    in_vain = participant.c.state.in_(("screened_out", "quota_full"))
    away = select(func.count()).select_from(participant).where(in_vain, participant.c.origin == "prolific")
    each = screen_out.amount if screen_out else 0.0
    return Cost(pay.amount * finished, each * int(connection.execute(away).scalar_one()))


def _progress(connection: Connection, study: Study) -> tuple[Progress, ...]:
    finished = (
        select(quota_place.c.quota, func.count().label("n"))
        .join(participant, participant.c.participant == quota_place.c.participant)
        .where(participant.c.state == "finished")
        .group_by(quota_place.c.quota)
    )
    through = {row.quota: row.n for row in connection.execute(finished)}
    labels = Labels(study, study.languages[0])
    return tuple(
        Progress(_kind(row.where, labels), through.get(row.quota, 0), row.taken, row.cap)
        for row in connection.execute(select(quota).order_by(quota.c.quota))
    )


def _kind(where: Mapping[str, str], labels: Labels) -> str:
    """The people of a quota in words."""
    parts = [f"{labels.demographic(key)}: {labels.level(key, code)}" for key, code in where.items()]
    return ", ".join(parts) or "Everybody"


def _days(connection: Connection) -> tuple[tuple[date, int], ...]:
    """People who finished on each day from the first to the last; the last thirty days."""
    day = DayOf(participant.c.finished_at).label("day")
    query = select(day, func.count()).where(participant.c.state == "finished").group_by(day)
    per_day = {date.fromisoformat(text): int(number) for text, number in connection.execute(query)}
    if not per_day:
        return ()
    last = max(per_day)
    first = max(min(per_day), last - timedelta(days=29))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple((each, per_day.get(each, 0)) for each in days)


def _versions(connection: Connection) -> tuple[Version, ...]:
    counted = select(participant.c.instrument, func.count()).group_by(participant.c.instrument)
    people = {version: int(number) for version, number in connection.execute(counted)}
    stored = connection.execute(select(versions).order_by(versions.c.version)).all()
    found = []
    for row, before in zip(stored, (None, *stored), strict=False):
        changed = changes(before.study, row.study) if before is not None else ()
        pooled = Instrument(row.version, row.digest, changes(row.study, stored[-1].study)).comparable
        found.append(Version(row.version, row.digest, row.since, people.get(row.version, 0), changed, pooled))
    return tuple(found)
