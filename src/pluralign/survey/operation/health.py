"""Whether the survey can save answers, and how it is doing, for programs that watch over it."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

import anyio
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pluralign.survey.database.tables import assignment, erasure, item, participant, quota
from pluralign.survey.operation.traffic import Traffic
from pluralign.survey.participants.desk import Desk

_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """The two pages for programs."""

    desk: Desk
    traffic: Traffic | None

    def routes(self) -> list[Route]:
        """Where they are."""
        return [Route("/health", self.health, methods=["GET"]), Route("/metrics", self.metrics, methods=["GET"])]

    async def health(self, _: Request) -> Response:
        """200 while the database answers, else 503."""
        try:
            with anyio.fail_after(_PATIENCE):
                await anyio.to_thread.run_sync(self._ask, abandon_on_cancel=True)
        except (SQLAlchemyError, TimeoutError):
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Numbers in Prometheus' text format, for who presents the token; they say nothing about any one person."""
        token = self.desk.settings.metrics_token
        given = request.headers.get("authorization", "")
        if token is None or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return PlainTextResponse("not found\n", 404)
        lines = await run_in_threadpool(self._lines)
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    def _ask(self) -> None:
        with self.desk.database.read() as connection:
            connection.execute(text("SELECT 1"))

    def _lines(self) -> list[str]:
        with self.desk.database.read() as connection:
            found = list(progress(connection))
        return found + (list(self.traffic.lines()) if self.traffic else [])


def progress(connection: Connection) -> Iterator[str]:
    """How far the survey is."""
    yield "# TYPE pluralign_participants gauge"
    people = select(participant.c.origin, participant.c.state, func.count())
    for origin, state, count in connection.execute(people.group_by(participant.c.origin, participant.c.state)):
        yield f'pluralign_participants{{origin="{origin}",state="{state}"}} {count}'
    yield "# TYPE pluralign_assignments gauge"
    given = select(assignment.c.state, func.count()).group_by(assignment.c.state)
    for state, count in connection.execute(given):
        yield f'pluralign_assignments{{state="{state}"}} {count}'
    yield "# TYPE pluralign_item_places gauge"
    places = select(func.coalesce(func.sum(item.c.taken), 0), func.coalesce(func.sum(item.c.cap), 0))
    taken, cap = connection.execute(places.where(item.c.active)).one()
    yield f'pluralign_item_places{{kind="taken"}} {taken}'
    yield f'pluralign_item_places{{kind="wanted"}} {cap}'
    yield "# TYPE pluralign_quota_places gauge"
    for row in connection.execute(select(quota).order_by(quota.c.quota)):
        yield f'pluralign_quota_places{{quota="{row.quota}",kind="taken"}} {row.taken}'
        yield f'pluralign_quota_places{{quota="{row.quota}",kind="wanted"}} {row.cap}'
    yield "# TYPE pluralign_erasures_total counter"
    yield f"pluralign_erasures_total {connection.execute(select(func.count()).select_from(erasure)).scalar_one()}"
