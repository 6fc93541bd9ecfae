"""Done once a minute while a survey is served: places given on, identities destroyed on their date, files swept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from pluralign.survey.fielding import assignment, participants, withdrawal
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.operation.sweeping import write_anew
from pluralign.survey.participants.desk import Desk
from pluralign.survey.participants.session import now

EVERY = 60.0
_log = logging.getLogger(__name__)


def tidy(connection: Connection, plan: Plan, moment: datetime) -> tuple[int, int, int]:
    """Give on the items and places of the silent and destroy identities that are due; returns how many of each."""
    items = assignment.release_expired(connection, moment)
    people = participants.release_the_silent(connection, plan, moment)
    return items, people, withdrawal.destroy_identities(connection, moment)


def tidying(desk: Desk, every: float = EVERY) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """The lifespan of an application that tidies up every so many seconds; several processes may do so at once."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        task = asyncio.create_task(_keep_tidy(desk, every))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return lifespan


async def _keep_tidy(desk: Desk, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            items, people, identities = await desk.run(lambda connection: tidy(connection, desk.settings.plan, now()))
            anew = await run_in_threadpool(write_anew, desk.database, now())
        except SQLAlchemyError as error:
            _log.error("tidying up failed", exc_info=error)
            continue
        if anew:
            _log.info("tables written anew after an erasure")
        if items or people or identities:
            details = {"items": items, "participants": people, "identities": identities}
            _log.info("tidied up", extra={"details": details})
