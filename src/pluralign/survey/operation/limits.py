"""How often one address on the network may do what costs us or could be guessed at: begin, come back, log in."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from pluralign.survey.participants.desk import RefusedError
from pluralign.survey.security import Attempts


class Limited:
    """Middleware of a route: RefusedError (429) for an address that tries too often."""

    def __init__(self, app: ASGIApp, attempts: Attempts) -> None:
        self._app, self._attempts = app, attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        client = scope.get("client")
        if not self._attempts.allow(client[0] if client else ""):
            raise RefusedError("too_many", 429)
        await self._app(scope, receive, send)
