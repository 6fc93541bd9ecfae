"""The researchers' pages, loaded when a researcher comes.

They calculate, and what they calculate with takes longer to load, and more memory, than all pages of participants.
"""

from __future__ import annotations

from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from pluralign.survey.database import Database
from pluralign.survey.researchers.desk import ROOT
from pluralign.survey.settings import Settings


class LateResearchers(BaseRoute):
    """All routes under ``/researchers``."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._router: Router | None = None
        self._loading = Lock()

    @property
    def routes(self) -> list[Route]:
        """The routes themselves; loads them."""
        return [route for route in self._loaded().routes if isinstance(route, Route)]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for one of the pages, or for one that could be among them."""
        path = scope.get("path", "")
        mine = scope["type"] == "http" and (path == ROOT or path.startswith(f"{ROOT}/"))
        return (Match.FULL if mine else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; others are served meanwhile, also while the pages are being loaded."""
        router = await run_in_threadpool(self._loaded) if self._router is None else self._router
        await router(scope, receive, send)

    def _loaded(self) -> Router:
        with self._loading:
            if self._router is None:
                from pluralign.survey.researchers.pages import researcher_routes

                self._router = Router(researcher_routes(self._settings, self._database))
            return self._router
