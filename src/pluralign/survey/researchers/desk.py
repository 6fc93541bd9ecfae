"""What all researchers' pages share: the guard at the door, forms, pages, work off the event loop."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pluralign.errors import PluralignError
from pluralign.survey.database import Database
from pluralign.survey.researchers import accounts, drawing
from pluralign.survey.researchers.accounts import Researcher
from pluralign.survey.security import form_token, is_form_token
from pluralign.survey.settings import Settings
from pluralign.wording import counted

Result = TypeVar("Result")
Page = Callable[[Request, Researcher], Awaitable[Response]]
Deed = Callable[[Request, Researcher, FormData], Awaitable[Response]]

COOKIE = "pluralign_researcher"
ROOT = "/researchers"
_NOBODY = Researcher("", "")


class UnknownError(Exception):
    """Something asked for that is not there."""


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pluralign.survey"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": drawing.number,
        "counted": counted,
        "share": drawing.share,
        "moment": drawing.moment,
        "duration": drawing.duration,
        "shade": drawing.shade,
        "place": drawing.place,
        "bins": drawing.bins,
    }
    return environment


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, database and templates, and the steps that pages have in common."""

    settings: Settings
    database: Database
    environment: Environment = field(default_factory=_environment)

    def page_route(self, path: str, page: Page, *, manager: bool = False, reviewer: bool = False) -> Route:
        """A page for everybody with an account, or for managers only; everybody else is sent to the login.

        Accounts that only review see the pages with ``reviewer`` alone, and are led there from all others.
        """

        @wraps(page)
        async def guarded(request: Request) -> Response:
            found = await self.who(request)
            if found is None:
                return RedirectResponse(f"{ROOT}/login", status_code=303)
            if found.only_reviews and not reviewer:
                return RedirectResponse(f"{ROOT}/review", status_code=303)
            if manager and not found.is_manager:
                return self._forbidden(request, found)
            return await self._answered(request, found, page(request, found))

        return Route(ROOT + path, guarded, methods=["GET"])

    def deed_route(self, path: str, deed: Deed, *, manager: bool = False, reviewer: bool = False) -> Route:
        """Where a form is sent to; it must come from one of our pages in this session."""

        @wraps(deed)
        async def guarded(request: Request) -> Response:
            found = await self.who(request)
            form = await request.form()
            if found is None or not self.is_own(request, form):
                text = "This form is not from your present session. Log in and send it again."
                return self.problem(request, found or _NOBODY, "Not logged in", text, 403)
            if (manager and not found.is_manager) or (found.only_reviews and not reviewer):
                return self._forbidden(request, found)
            return await self._answered(request, found, deed(request, found, form))

        return Route(ROOT + path, guarded, methods=["POST"])

    async def who(self, request: Request) -> Researcher | None:
        """Who sends a request."""
        cookie, secret, moment = request.cookies.get(COOKIE), self.settings.secret, now()
        if cookie is None:
            return None
        return await self.read(lambda connection: accounts.who(connection, secret, cookie, moment))

    def is_own(self, request: Request, form: FormData) -> bool:
        """Whether a form was made for the cookie that it comes with."""
        token = form.get("form_token")
        return is_form_token(self.settings.secret, request.cookies.get(COOKIE), token if isinstance(token, str) else "")

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` on one state of the data, without holding up other requests."""

        def reading() -> Result:
            with self.database.read() as connection:
                return work(connection)

        return await run_in_threadpool(reading)

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in a transaction that may write."""
        return await run_in_threadpool(self.database.run, work)

    def page(self, request: Request, found: Researcher, template: str, status: int = 200, **shown: Any) -> Response:
        """A page; its forms are made for the session, or for this visit where there is none yet."""
        cookie = request.cookies.get(COOKIE)
        fresh = cookie or secrets.token_urlsafe(16)
        values: dict[str, Any] = {
            "who": found,
            "path": request.url.path,
            "root": ROOT,
            "study": self.settings.study,
            "language": self.settings.study.languages[0],
            "form_token": form_token(self.settings.secret, fresh),
        }
        content = self.environment.get_template(f"researchers/{template}").render(**(values | shown))
        response = HTMLResponse(content, status)
        if cookie is None:
            self.remember(response, fresh)
        return response

    def problem(self, request: Request, found: Researcher, heading: str, text: str, status: int) -> Response:
        """A page that says what could not be done."""
        return self.page(request, found, "problem.html", status, heading=heading, text=text)

    def remember(self, response: Response, cookie: str) -> None:
        """Set the cookie: for these pages only, not readable by scripts, gone when the browser is closed."""
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", secure=self.settings.secure, path=ROOT)

    def _forbidden(self, request: Request, found: Researcher) -> Response:
        text = "Your account may look but not do this. Ask somebody whose account is a manager's."
        return self.problem(request, found, "Not allowed", text, 403)

    async def _answered(self, request: Request, found: Researcher, work: Awaitable[Response]) -> Response:
        try:
            return await work
        except UnknownError as error:
            return self.problem(request, found, "Not found", str(error), 404)
        except PluralignError as error:
            return self.problem(request, found, "This could not be done", str(error), 422)


def now() -> datetime:
    """The moment of a request; the layers below take it as an argument."""
    return datetime.now(UTC)
