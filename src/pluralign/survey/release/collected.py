"""One state of the survey's database as data frames. Recruitment identities are never read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, Table, select

from pluralign.study import Study
from pluralign.survey.database.tables import (
    answer,
    assignment,
    attention,
    first_answer,
    item,
    participant,
    prompt,
    rating,
    task,
)

_PERSON = ("participant", "state", "language", "origin", "instrument", "cell", "created_at", "seen_at", "finished_at")
_GIVEN = ("assignment", "participant", "item", "position", "state", "shown_at", "done_at")


@dataclass(frozen=True, slots=True)
class Collected:
    """Tables of the survey by their names there (`pluralign.survey.database.tables`).

    ``people`` has a column for every demographic asked; ``given`` (assignments) has ``seconds`` from showing an item to
    finishing it, and ``complete``: whether the person rated it on every dimension and did not skip it. An item whose
    place was given on meanwhile is complete all the same: the person did the work.
    """

    people: pd.DataFrame
    given: pd.DataFrame
    ratings: pd.DataFrame
    checks: pd.DataFrame
    firsts: pd.DataFrame
    tasks: pd.DataFrame
    items: pd.DataFrame
    prompts: pd.DataFrame

    @property
    def rated(self) -> pd.DataFrame:
        """Ratings of complete items with everything known about the item: one row per rating."""
        complete = self.given[self.given["complete"]]
        return self.ratings.merge(complete, on="assignment")


def collect(connection: Connection, study: Study) -> Collected:
    """Read everything that was answered; ``study`` says which dimensions make an item complete."""
    ratings = _frame(connection, rating, ("assignment", "dimension", "value", "at"))
    given = _frame(connection, assignment, _GIVEN)
    for name in ("shown_at", "done_at"):
        given[name] = pd.to_datetime(given[name], utc=True)
    given["seconds"] = (given["done_at"] - given["shown_at"]).dt.total_seconds()
    wanted = ratings[ratings["dimension"].isin(study.dimension_keys)].groupby("assignment").size()
    whole = given["assignment"].map(wanted).fillna(0) == len(study.dimensions)
    given["complete"] = whole & given["state"].isin(["done", "expired"])
    return Collected(
        people=_people(connection, study),
        given=given,
        ratings=ratings,
        checks=_frame(connection, attention, ("assignment", "position", "value", "wanted")),
        firsts=_frame(connection, first_answer, ("assignment", "value")),
        tasks=_frame(connection, task, ("assignment", "kind", "language", "text")),
        items=_frame(connection, item, ("item", "prompt", "context", "texts", "cap", "taken", "active")),
        prompts=_frame(connection, prompt, ("prompt", "texts", "source")),
    )


def _people(connection: Connection, study: Study) -> pd.DataFrame:
    people = _frame(connection, participant, _PERSON)
    for name in ("created_at", "seen_at", "finished_at"):
        people[name] = pd.to_datetime(people[name], utc=True)
    answers = _frame(connection, answer, ("participant", "question", "code"))
    for key in study.demographic_keys:
        codes = answers[answers["question"] == key].set_index("participant")["code"]
        people[key] = people["participant"].map(codes).astype(object)
    return people


def _frame(connection: Connection, table: Table, names: Sequence[str]) -> pd.DataFrame:
    query: Select[Any] = select(*(table.c[name] for name in names))
    return pd.DataFrame(connection.execute(query).all(), columns=list(names))
