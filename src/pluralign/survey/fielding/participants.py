"""Who takes part: consent, screening, coming back, the end."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from pluralign.errors import ConfigError
from pluralign.study import Study
from pluralign.study.eligibility import is_eligible
from pluralign.study.instrument import Demographic
from pluralign.survey import instrument
from pluralign.survey.database.tables import answer, consent, participant
from pluralign.survey.fielding import assignment, quotas
from pluralign.survey.fielding.plan import Answers, Plan, open_questions, screened_questions

Origin = Literal["prolific", "open"]


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who takes part. ``cell``: the answer by which raters are spread over items, where there is one."""

    participant: str
    instrument: int
    language: str
    state: str
    cell: str | None
    origin: str


_COLUMNS = tuple(participant.c[name] for name in ("participant", "instrument", "language", "state", "cell", "origin"))
_BY_TOKEN = select(*_COLUMNS, participant.c.seen_at).where(participant.c.token_hash == bindparam("token"))


@dataclass(frozen=True, slots=True)
class Started:
    """A new participant and the token that proves who they are; the database has only its digest."""

    participant: Participant
    token: str


def start(
    connection: Connection,
    study: Study,
    plan: Plan,
    *,
    language: str,
    origin: Origin,
    agreed: Mapping[str, bool],
    now: datetime,
) -> Started:
    """Note the consent and let somebody in; who does not agree to every part leaves no trace.

    Raises ConfigError where a part of the consent is missing or the language is not one of the study's.
    """
    refused = [part.key for part in study.texts.consent if not agreed.get(part.key)]
    if refused:
        raise ConfigError(f"Taking part needs consent to: {', '.join(refused)}.")
    if language not in study.languages:
        raise ConfigError(f'The study is not offered in "{language}"; languages: {", ".join(study.languages)}.')
    token, identifier = secrets.token_urlsafe(16), secrets.token_hex(16)
    version = instrument.version_of(connection, study)
    screening = bool(screened_questions(study, plan))
    row = {
        "participant": identifier,
        "token_hash": token_hash(token),
        "instrument": version,
        "language": language,
        "origin": origin,
        "state": "screening",
        "created_at": now,
        "seen_at": now,
    }
    connection.execute(insert(participant).values(**row))
    for part in study.texts.consent:
        text_hash = hashlib.sha256(part.text[language].encode()).hexdigest()
        given = {"participant": identifier, "part": part.key, "text_hash": text_hash, "language": language}
        connection.execute(insert(consent).values(**given, given_at=now))
    if not screening:
        admit(connection, study, plan, identifier, now)
    return Started(load(connection, identifier), token)


def load(connection: Connection, identifier: str) -> Participant:
    """The participant of this id."""
    return Participant(*connection.execute(select(*_COLUMNS).where(participant.c.participant == identifier)).one())


def resume(connection: Connection, token: str, now: datetime, every: timedelta = timedelta()) -> Participant | None:
    """Whoever holds this token, or None; a place lost by a long silence is taken again where one is free.

    That somebody was here is noted unless it was noted less than ``every`` ago.
    """
    row = connection.execute(_BY_TOKEN, {"token": token_hash(token)}).one_or_none()
    if row is None:
        return None
    *values, seen_at = row
    found = Participant(*values)
    if found.state == "lapsed":
        study = instrument.load(connection, found.instrument)
        again = quotas.take_places(connection, found.participant, answers(connection, found.participant))
        found = replace(found, state=_next_state(connection, study, found) if again else "quota_full")
    elif now - seen_at < every:
        return found
    change = update(participant).where(participant.c.participant == found.participant)
    connection.execute(change.values(state=found.state, seen_at=now))
    return found


def admit(connection: Connection, study: Study, plan: Plan, identifier: str, now: datetime) -> Participant:
    """Take the places that the answers of the screening fall under, or say that they are full or not for this person.

    Who may not take part takes no place. Of somebody who is turned away nothing is kept but that they came.
    """
    found = load(connection, identifier)
    if found.state != "screening":
        return found
    known = _require(connection, screened_questions(study, plan), identifier)
    turned_away = None
    if not is_eligible(study, known):
        turned_away = "screened_out"
    elif not quotas.take_places(connection, identifier, known):
        turned_away = "quota_full"
    if turned_away:
        connection.execute(delete(answer).where(answer.c.participant == identifier))
    change = {
        "state": turned_away or _first_state(study, plan),
        "cell": known.get(plan.coverage) if plan.coverage and not turned_away else None,
        "finished_at": now if turned_away else None,
    }
    connection.execute(update(participant).where(participant.c.participant == identifier).values(**change))
    return load(connection, identifier)


def save_answers(
    connection: Connection, study: Study, who: Participant, given: Answers, asked: tuple[str, ...], now: datetime
) -> None:
    """Write answers to demographic questions, each replacing an earlier one.

    Raises ConfigError where one of the ``asked`` is missing, or an answer is not among those offered.
    """
    known = answers(connection, who.participant) | dict(given)
    for key in asked:
        allowed = offered(study.demographic(key), known)
        if given.get(key) not in allowed:
            raise ConfigError(f'"{given.get(key, "")}" is no answer to {key}; allowed: {", ".join(allowed)}.')
    for key in asked:
        place = (answer.c.participant == who.participant, answer.c.question == key)
        values = {"code": given[key], "instrument": who.instrument, "at": now}
        if connection.execute(update(answer).where(*place).values(**values)).rowcount == 0:
            connection.execute(insert(answer).values(participant=who.participant, question=key, **values))


def offered(question: Demographic, known: Answers) -> tuple[str, ...]:
    """Codes offered to somebody whose other answers are ``known``; not answering is always among them, last."""
    fits = (o.code for o in question.options if all(known.get(key) in codes for key, codes in o.when.items()))
    return (*fits, "undeclared")


def answers(connection: Connection, identifier: str) -> dict[str, str]:
    """The answers about themselves that a participant has given so far."""
    query = select(answer.c.question, answer.c.code).where(answer.c.participant == identifier)
    return {row.question: row.code for row in connection.execute(query)}


def speak(connection: Connection, identifier: str, language: str) -> None:
    """Go on in another language; what has been answered stays."""
    change = update(participant).where(participant.c.participant == identifier)
    connection.execute(change.values(language=language))


def finish(connection: Connection, study: Study, plan: Plan, identifier: str, now: datetime) -> Participant:
    """Note that somebody has answered everything. Called twice, it changes nothing the second time.

    Raises ConfigError where a question is still open.
    """
    found = load(connection, identifier)
    if found.state != "demographics":
        return found
    _require(connection, open_questions(study, plan), identifier)
    change = update(participant).where(participant.c.participant == identifier)
    connection.execute(change.values(state="finished", finished_at=now, seen_at=now))
    return load(connection, identifier)


def after_questions(connection: Connection, study: Study, plan: Plan, identifier: str, now: datetime) -> Participant:
    """Go on from the questions that decide about nothing: to the items where these come later, else to the end."""
    found = load(connection, identifier)
    if plan.demographics == "after" or found.state != "demographics":
        return finish(connection, study, plan, identifier, now)
    _require(connection, open_questions(study, plan), identifier)
    change = update(participant).where(participant.c.participant == identifier)
    connection.execute(change.values(state="rating", seen_at=now))
    return load(connection, identifier)


def after_items(connection: Connection, study: Study, plan: Plan, identifier: str, now: datetime) -> Participant:
    """Go on from the items to what comes next; where no question is open that is the end."""
    found = load(connection, identifier)
    if found.state != "rating":
        return found
    change = update(participant).where(participant.c.participant == identifier)
    connection.execute(change.values(state="demographics", seen_at=now))
    if not set(open_questions(study, plan)) - set(answers(connection, identifier)):
        return finish(connection, study, plan, identifier, now)
    return load(connection, identifier)


def release_the_silent(connection: Connection, plan: Plan, now: datetime, at_most: int = 50) -> int:
    """Give on the places of participants who gave no sign for long; their answers stay. Returns how many."""
    silent = select(participant.c.participant).where(
        participant.c.state.in_(("rating", "demographics")), participant.c.seen_at < now - plan.patience
    )
    # Oldest first and in one order, so that processes that tidy up at once do not wait in a circle.
    found = connection.execute(silent.order_by(participant.c.seen_at, participant.c.participant).limit(at_most))
    lapsed = found.scalars().all()
    for identifier in lapsed:
        step = update(participant).where(participant.c.participant == identifier, participant.c.state != "lapsed")
        if connection.execute(step.values(state="lapsed")).rowcount:
            quotas.give_back(connection, identifier)
            assignment.give_back(connection, identifier)
    return len(lapsed)


def token_hash(token: str) -> str:
    """What is stored of a token; the token has 128 random bits, so a plain digest cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _require(connection: Connection, asked: tuple[str, ...], identifier: str) -> dict[str, str]:
    known = answers(connection, identifier)
    if still_open := [key for key in asked if key not in known]:
        raise ConfigError(f"Still without an answer: {', '.join(still_open)}.")
    return known


def _first_state(study: Study, plan: Plan) -> str:
    """Where somebody begins who has been let in."""
    return "demographics" if plan.demographics == "before" and open_questions(study, plan) else "rating"


def _next_state(connection: Connection, study: Study, who: Participant) -> str:
    asked_first = study.fielding.demographics == "before"
    if asked_first and set(study.demographic_keys) - set(answers(connection, who.participant)):
        return "demographics"
    done = assignment.count_done(connection, who.participant)
    return "rating" if done < study.items_per_rater else "demographics"
