"""What Prolific and the database say about the same people, laid side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pluralign.survey.database.tables import identity, participant
from pluralign.survey.recruitment.identities import PLATFORM
from pluralign.survey.recruitment.prolific import Submission
from pluralign.survey.recruitment.statuses import LEFT, free_places

_PAID = ("APPROVED", "PARTIALLY APPROVED")
_WAITING = "AWAITING REVIEW"
_OVER = (*_PAID, _WAITING, "REJECTED", "SCREENED OUT")


@dataclass(frozen=True, slots=True)
class Difference:
    """A submission about which the two disagree, and what to do about it."""

    submission: str
    there: str
    here: str
    advice: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """``freed``: places given on now; ``to_approve``: submissions of people who finished and wait to be paid;
    ``agreed``: submissions about which nothing needs doing."""

    agreed: int
    freed: int
    to_approve: tuple[str, ...]
    differences: tuple[Difference, ...]


def reconcile(connection: Connection, submissions: Sequence[Submission], codes: dict[str, str]) -> Reconciliation:
    """Compare all submissions of the survey's studies with the database, and give on the places of who has left.

    ``codes``: completion code by ending. Safe to repeat: it finds what a call of Prolific that got lost left undone.
    """
    known = _known(connection)
    freed, approve, differences = 0, list[str](), list[Difference]()
    for each in submissions:
        found = known.pop(each.submission, None)
        if found is None:
            differences += _unknown_here(each)
            continue
        who, state = found
        if each.status in LEFT and free_places(connection, who):
            freed += 1
            continue
        if state == "finished" and each.status == _WAITING:
            approve.append(each.submission)
        differences += _compared(each, state, codes)
    for submission, (_, state) in known.items():
        advice = "Prolific does not list it under the studies named in the settings; correct `studies`."
        differences.append(Difference(submission, "unknown", state, advice))
    agreed = len(submissions) + len(known) - freed - len(differences)
    return Reconciliation(agreed, freed, tuple(approve), tuple(differences))


def _known(connection: Connection) -> dict[str, tuple[str, str]]:
    columns = (identity.c.submission, participant.c.participant, participant.c.state)
    query = select(*columns).join(participant, participant.c.participant == identity.c.participant)
    rows = connection.execute(query.where(identity.c.platform == PLATFORM, identity.c.submission.is_not(None)))
    return {row.submission: (row.participant, row.state) for row in rows}


def _unknown_here(each: Submission) -> list[Difference]:
    """Who went to Prolific's link and never agreed here, or withdrew, or came a second time."""
    if each.status not in _OVER:
        return []
    advice = "Nobody of this submission is in the database: look at the code they entered, or ask them to return it."
    return [Difference(each.submission, each.status, "unknown", advice)]


def _compared(each: Submission, state: str, codes: dict[str, str]) -> list[Difference]:
    if state == "finished" and each.status in (*LEFT, "ACTIVE"):
        return [Difference(each.submission, each.status, state, "They finished here: pay them, or send them the code.")]
    if state == "finished" and each.status == "REJECTED":
        return [Difference(each.submission, each.status, state, "They finished here and are not paid: look again.")]
    if state != "finished" and each.status in _PAID:
        return [Difference(each.submission, each.status, state, "They were paid and have not finished here.")]
    if state != "finished" and each.status == _WAITING:
        right = each.code is not None and each.code == codes.get(state)
        advice = "They have not finished here: write to them before you decide."
        return [] if right else [Difference(each.submission, each.status, state, advice)]
    return []
