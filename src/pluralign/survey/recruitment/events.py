"""Prolific's calls when a submission changes: signed, delivered at least once, in no certain order.

The signature is HMAC-SHA256 over the time stamp followed by the body, in base64; ``X-Event-ID`` stays the same when a
call is repeated (docs.prolific.com, "Webhooks").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pluralign.survey.database.tables import event
from pluralign.survey.participants.desk import Desk
from pluralign.survey.participants.session import now
from pluralign.survey.recruitment.statuses import changed

PATH = "/prolific/events"
SIGNATURE, TIMESTAMP, EVENT = "X-Prolific-Request-Signature", "X-Prolific-Request-Timestamp", "X-Event-ID"
# Prolific repeats a call for two days; a signature older than that is somebody else's copy.
_OLDEST = 3 * 86400
_LONGEST_ID, _LONGEST_KIND = 200, 100
_log = logging.getLogger(__name__)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a call."""
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(secret: str, timestamp: str, body: bytes, given: str, clock: float) -> bool:
    """Whether a call is Prolific's and not too old; ``clock`` in seconds since 1970."""
    if not hmac.compare_digest(signature(secret, timestamp, body).encode(), given.encode()):
        return False
    try:
        return abs(clock - float(timestamp)) <= _OLDEST
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Events:
    """The address that Prolific calls; it exists only where a secret for it has been set."""

    desk: Desk

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route(PATH, self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Take a call: 401 where it is not Prolific's, 400 where it is unreadable, 200 where it was dealt with."""
        access = self.desk.settings.prolific
        if access is None or access.webhook_secret is None:
            return _answer("not in use", 404)
        body, headers = await request.body(), request.headers
        timestamp, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if not is_signed(access.webhook_secret, timestamp, body, given, time.time()):
            _log.warning("a call that is not signed by Prolific was refused")
            return _answer("signature", 401)
        key, content = headers.get(EVENT, ""), _content(body)
        if content is None or not 0 < len(key) <= _LONGEST_ID:
            return _answer("unreadable", 400)
        await self.desk.run(lambda connection: _take(connection, key, content))
        return _answer("ok", 200)


def _take(connection: Connection, key: str, content: dict[str, object]) -> None:
    if connection.execute(select(event.c.event).where(event.c.event == key)).first() is not None:
        return
    kind = str(content.get("event_type", ""))[:_LONGEST_KIND]
    connection.execute(insert(event).values(event=key, source="prolific", received_at=now(), kind=kind))
    if kind == "submission.status.change":
        changed(connection, str(content.get("resource_id", "")), str(content.get("status", "")))


def _content(body: bytes) -> dict[str, object] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    # Neither database stores NUL in a text.
    return content if isinstance(content, dict) and b"\\u0000" not in body else None


def _answer(what: str, status: int) -> Response:
    return JSONResponse({"result": what}, status)
