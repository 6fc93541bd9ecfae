"""How the study stands: progress against target and quotas, where people are, time, cost, signs of carelessness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, select

from pluralign.stats.labels import Labels
from pluralign.study import Study
from pluralign.survey.database.tables import ENDINGS, STATES, erasure, instrument, participant, quota, quota_place
from pluralign.survey.release.collected import Collected
from pluralign.survey.release.flags import KINDS, Limits

_MEANINGS = {
    "screening": "agreed, answering the questions that decide about taking part",
    "rating": "rating items",
    "demographics": "answering questions about themselves",
    "lapsed": "silent for long; their places were given on, they may come back",
    "screened_out": "could not take part by their answers",
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
class Quartiles:
    """Lower quartile, median and upper quartile in seconds, of ``n`` times; NaN without any."""

    n: int
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, seconds: pd.Series[Any]) -> Quartiles:
        """Of the times that are known."""
        known = seconds.dropna().astype(float)
        low, median, high = (float(known.quantile(q)) for q in (0.25, 0.5, 0.75))
        return cls(len(known), low, median, high)


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
    versions: tuple[Mapping[str, Any], ...]
    paid: float | None


def overview(connection: Connection, study: Study, collected: Collected, signed: pd.DataFrame) -> Overview:
    """The state of a survey."""
    people = collected.people
    counts = people["state"].value_counts()
    finished = people[people["state"] == "finished"]
    complete = collected.given[collected.given["complete"]]
    raised = Counter(flag for flags in signed["flags"] for flag in flags.split(";"))
    pay = study.recruitment.pay if study.recruitment else None
    return Overview(
        progress=_progress(connection, study),
        states=tuple(State(name, _MEANINGS[name], int(counts.get(name, 0)), name in ENDINGS) for name in STATES),
        days=_days(finished),
        per_item=Quartiles.of(complete["seconds"]),
        per_person=Quartiles.of((finished["finished_at"] - finished["created_at"]).dt.total_seconds()),
        n_ratings=len(collected.rated),
        n_items=len(complete),
        flags={kind: raised[kind] for kind in KINDS},
        wording=Limits().wording(),
        erased=int(connection.execute(select(func.count()).select_from(erasure)).scalar_one()),
        versions=_versions(connection),
        paid=pay.amount * len(finished) if pay else None,
    )


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


def _days(finished: pd.DataFrame) -> tuple[tuple[date, int], ...]:
    """People who finished on each day from the first to the last; the last thirty days."""
    if finished.empty:
        return ()
    per_day = finished["finished_at"].dt.floor("D").value_counts()
    days = pd.date_range(per_day.index.min(), per_day.index.max(), freq="D")[-30:]
    return tuple((day.date(), int(per_day.get(day, 0))) for day in days)


def _versions(connection: Connection) -> tuple[Mapping[str, Any], ...]:
    people = func.count(participant.c.participant).label("people")
    query = select(instrument.c.version, instrument.c.digest, instrument.c.since, people)
    query = query.outerjoin(participant, participant.c.instrument == instrument.c.version)
    query = query.group_by(instrument.c.version, instrument.c.digest, instrument.c.since)
    return tuple(dict(row._mapping) for row in connection.execute(query.order_by(instrument.c.version)))
