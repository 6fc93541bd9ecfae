"""The web application: routes, guards, and what people see when something goes wrong."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pluralign.survey.database import Database
from pluralign.survey.participants.desk import Desk, RefusedError
from pluralign.survey.participants.pages import ParticipantPages
from pluralign.survey.participants.session import read_session
from pluralign.survey.recruitment.door import Door
from pluralign.survey.recruitment.events import Events
from pluralign.survey.rendering import Pages
from pluralign.survey.security import BodyLimit, SafeHeaders, TooLargeError
from pluralign.survey.settings import Settings


def create_app(settings: Settings, database: Database) -> Starlette:
    """The application on an open database whose tables, quotas and items are in place."""
    pages = Pages.of(settings.study, settings.words_folder)
    problems = Problems(settings, pages)
    desk = Desk(settings, database, pages)
    return Starlette(
        routes=[
            *ParticipantPages(desk, Door(desk)).routes(),
            *Events(desk).routes(),
            Mount("/static", StaticFiles(packages=[("pluralign.survey", "static")]), name="static"),
        ],
        middleware=[Middleware(SafeHeaders, secure=settings.secure), Middleware(BodyLimit)],
        exception_handlers={
            HTTPException: problems.http,
            RefusedError: problems.refused,
            TooLargeError: problems.too_large,
            DBAPIError: problems.busy,
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
        return self._page(request, what, status)

    async def too_large(self, request: Request, _: Exception) -> Response:
        """A form that is too large."""
        return self._page(request, "too_large", 413)

    async def busy(self, request: Request, _: Exception) -> Response:
        """The database does not answer: nothing was saved by this request, and the person is told so."""
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
