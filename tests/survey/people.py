"""People who have taken part, put into the database in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import Connection

from pluralign.study import Study
from pluralign.survey.database import Database
from pluralign.survey.fielding import answers, assignment, participants
from pluralign.survey.fielding.plan import Plan, open_questions
from tests.survey.small import AGREED, NOW

Rate = Callable[[int], answers.Given]


def plainly(number: int) -> answers.Given:
    """Ratings that differ between statements and items; the check is passed."""
    return answers.Given(ratings={"toxicity": 1 + number % 2, "helpfulness": 3}, checks={0: 2})


@dataclass(frozen=True, slots=True)
class Person:
    """``items``: how many are rated; with all of them and ``about`` the person finishes."""

    about: dict[str, str] = field(default_factory=dict)
    rate: Rate = plainly
    seconds: float = 20
    items: int = 3
    language: str = "en"


def take_part(database: Database, study: Study, plan: Plan, people: Sequence[Person]) -> list[str]:
    """Let everybody take part, a minute apart; returns their ids."""

    def work(connection: Connection) -> list[str]:
        return [_visit(connection, study, plan, person, minute) for minute, person in enumerate(people)]

    return database.run(work)


def _visit(connection: Connection, study: Study, plan: Plan, person: Person, minute: int) -> str:
    now = NOW + timedelta(minutes=minute)
    started = participants.start(
        connection, study, plan, language=person.language, origin="open", agreed=AGREED, now=now
    )
    who = started.participant
    for number in range(person.items):
        shown = assignment.next_item(connection, plan, who.participant, None, study.items_per_rater, now)
        assert shown is not None
        now += timedelta(seconds=person.seconds)
        given = replace(person.rate(number), first=None if study.first_question is None else number > 0)
        answers.save(connection, study, who, shown.assignment, given, final=True, now=now)
    if person.items == study.items_per_rater:
        participants.after_items(connection, study, plan, who.participant, now)
        asked = open_questions(study, plan)
        participants.save_answers(connection, study, who, {key: person.about[key] for key in asked}, asked, now)
        participants.finish(connection, study, plan, who.participant, now)
    return who.participant
