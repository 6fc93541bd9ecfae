"""What it means here when a submission changes on Prolific."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from pluralign.survey.database.tables import identity, participant
from pluralign.survey.fielding import assignment, quotas

# Statuses after which Prolific gives the place to somebody else.
LEFT = ("RETURNED", "TIMED-OUT")
_HAS_PLACES = ("rating", "demographics")


def changed(connection: Connection, submission: str, status: str) -> bool:
    """Take note of a submission's new status; True where somebody's places were given on.

    Who returned a submission or ran out of time loses the places in quotas and the open item. What they answered stays,
    and they can still come back and finish where a place is left: Prolific lets people do so after its time limit.
    """
    if status not in LEFT:
        return False
    query = select(identity.c.participant).where(identity.c.submission == submission)
    who = connection.execute(query.order_by(identity.c.participant)).scalars().first()
    return who is not None and free_places(connection, who)


def free_places(connection: Connection, who: str) -> bool:
    """Give on the places of a participant who has begun and not finished; False where there are none."""
    step = update(participant).where(participant.c.participant == who, participant.c.state.in_(_HAS_PLACES))
    if connection.execute(step.values(state="lapsed")).rowcount == 0:
        return False
    quotas.give_back(connection, who)
    assignment.give_back(connection, who)
    return True
