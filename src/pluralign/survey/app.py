"""The web application: routes, guards, and what people see when something goes wrong."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pluralign.survey.database import Database
from pluralign.survey.operation.health import Health
from pluralign.survey.operation.logs import Observed
from pluralign.survey.operation.tidying import tidying
from pluralign.survey.operation.traffic import Traffic
from pluralign.survey.participants.desk import Desk, RefusedError
from pluralign.survey.participants.pages import ParticipantPages
from pluralign.survey.participants.session import read_session
from pluralign.survey.recruitment.door import Door
from pluralign.survey.recruitment.events import Events
from pluralign.survey.rendering import Pages
from pluralign.survey.researchers.late import LateResearchers
from pluralign.survey.security import BodyLimit, SafeHeaders, TooLargeError
from pluralign.survey.settings import Settings

_log = logging.getLogger(__name__)


def create_app(settings: Settings, database: Database) -> Starlette:
    """The application on an open database whose tables, quotas and items are in place."""
    pages = Pages.of(settings.study, settings.words_folder)
    problems = Problems(settings, pages)
    desk = Desk(settings, database, pages)
    routes = [*ParticipantPages(desk, Door(desk)).routes(), *Events(desk).routes()]
    names = (*(str(getattr(route.endpoint, "__name__", "other")) for route in routes), "health", "metrics")
    traffic = Traffic(settings.traffic_folder, names) if settings.traffic_folder else None
    return Starlette(
        routes=[
            *routes,
            *Health(desk, traffic).routes(),
            LateResearchers(settings, database),
            Mount("/static", StaticFiles(packages=[("pluralign.survey", "static")]), name="static"),
        ],
        middleware=[
            Middleware(Observed, traffic=traffic),
            Middleware(SafeHeaders, secure=settings.secure),
            Middleware(BodyLimit),
        ],
        lifespan=tidying(desk),
        exception_handlers={
            HTTPException: problems.http,
            RefusedError: problems.refused,
            TooLargeError: problems.too_large,
            ClientDisconnect: problems.gone,
            DBAPIError: problems.busy,
            NoConnectionError: problems.busy,
            Exception: problems.broken,
        },
    )


class Problems:
    """Pages that tell a person what to do when a request could not be met."""

    def __init__(self, settings: Settings, pages: Pages) -> None:
        self._settings, self._pages = settings, pages

    async def http(self, request: Request, error: Exception) -> Response:
        """A page that does not exist, or cannot be asked for in this way."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self._page(request, "not_found", status)

    async def refused(self, request: Request, error: Exception) -> Response:
        """Somebody we do not know, or a form that is not ours."""
        what, status = (error.what, error.status) if isinstance(error, RefusedError) else ("expired", 403)
        response = self._page(request, what, status)
        if status == 429:
            response.headers["Retry-After"] = "60"
        return response

    async def too_large(self, request: Request, _: Exception) -> Response:
        """A form that is too large."""
        return self._page(request, "too_large", 413)

    async def gone(self, *_: object) -> Response:
        """Whoever sent this went away before all of it was here: no mistake of ours. nginx logs it by this number."""
        return Response(status_code=499)

    async def busy(self, request: Request, error: Exception) -> Response:
        """The database does not answer: nothing was saved by this request, and the person is told so."""
        _log.error("the database does not answer", exc_info=error)
        response = self._page(request, "busy", 503)
        response.headers["Retry-After"] = "60"
        return response

    async def broken(self, request: Request, _: Exception) -> Response:
        """A mistake of ours; the server's log has it."""
        return self._page(request, "broken", 500)

    def _page(self, request: Request, what: str, status: int) -> Response:
        session = read_session(request, self._settings)
        shown = {
            "path": "/",
            "form_token": "",
            "known": False,
            "study": self._settings.study,
            "heading": f"{what}_heading",
            "text": f"{what}_text",
            "to_start": what in ("not_found", "unknown"),
        }
        return HTMLResponse(self._pages.render("participants/message.html", session.language, **shown), status)
