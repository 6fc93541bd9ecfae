"""Places in quotas: taken before the first item, given back by who leaves, never one too many."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from pluralign.study import Study
from pluralign.survey.database.tables import quota, quota_place
from pluralign.survey.fielding.plan import Answers


def set_up(connection: Connection, study: Study) -> None:
    """Lay down the quotas of the study file; a cap is never lowered below the number of those who are in."""
    wanted = _wanted(study)
    known = {row.quota: row for row in connection.execute(select(quota))}
    for number, (where, cap) in enumerate(wanted):
        if number in known:
            change = {"where": where, "cap": max(cap, known[number].taken)}
            connection.execute(update(quota).where(quota.c.quota == number).values(**change))
        else:
            connection.execute(insert(quota).values(quota=number, where=where, cap=cap, taken=0))
    surplus = [number for number in known if number >= len(wanted)]
    connection.execute(delete(quota_place).where(quota_place.c.quota.in_(surplus)))
    connection.execute(delete(quota).where(quota.c.quota.in_(surplus)))


def take_places(connection: Connection, participant: str, answers: Answers) -> bool:
    """Take a place in every quota that these answers fall under; False, and no place taken, where one is full.

    Quotas are taken in one order by everybody, so that two participants never wait for each other in a circle.
    """
    rows = connection.execute(select(quota.c.quota, quota.c.where).order_by(quota.c.quota)).all()
    matching = [row.quota for row in rows if all(answers.get(key) == code for key, code in row.where.items())]
    for number in matching:
        step = update(quota).where(quota.c.quota == number, quota.c.taken < quota.c.cap)
        if connection.execute(step.values(taken=quota.c.taken + 1)).rowcount == 0:
            give_back(connection, participant)
            return False
        connection.execute(insert(quota_place).values(quota=number, participant=participant))
    return True


def give_back(connection: Connection, participant: str) -> None:
    """Give a participant's places to others."""
    mine = select(quota_place.c.quota).where(quota_place.c.participant == participant).order_by(quota_place.c.quota)
    for number in connection.execute(mine).scalars().all():
        connection.execute(update(quota).where(quota.c.quota == number).values(taken=quota.c.taken - 1))
    connection.execute(delete(quota_place).where(quota_place.c.participant == participant))


def _wanted(study: Study) -> list[tuple[dict[str, Any], int]]:
    if study.recruitment is None:
        return []
    everybody: list[tuple[dict[str, Any], int]] = [({}, study.recruitment.target)]
    return everybody + [(dict(each.where), each.raters) for each in study.recruitment.quotas]
