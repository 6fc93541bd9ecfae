"""What all participants' pages share: who is there, whether a form is ours, pages, redirects, transactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pluralign.survey.database import Database
from pluralign.survey.fielding import participants
from pluralign.survey.fielding.participants import Participant
from pluralign.survey.participants.session import VISIT, Session, is_own_form, now, read_session, remember
from pluralign.survey.rendering import Pages
from pluralign.survey.settings import Settings

Result = TypeVar("Result")


class RefusedError(Exception):
    """A request that cannot be met; ``what`` names the page that tells the person what to do."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what)
        self.what, self.status = what, status


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, database and templates, and the steps that pages have in common."""

    settings: Settings
    database: Database
    pages: Pages

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do ``work`` in a transaction, without holding up other requests."""
        return await run_in_threadpool(self.database.run, work)

    async def who(self, session: Session) -> Participant | None:
        """The participant of a session, marked as present."""
        return await self.run(lambda connection: self._find(connection, session)) if session.person else None

    async def present(self, request: Request) -> tuple[Session, Participant]:
        """The participant, in the language asked for with ``?lang=``; RefusedError where nobody is known."""
        session, found, _ = await self.visit(request, lambda *_: None)
        return session, found

    async def visit(
        self, request: Request, work: Callable[[Connection, Participant], Result]
    ) -> tuple[Session, Participant, Result]:
        """As ``present``, and in the same transaction do ``work`` for the participant found."""
        session = read_session(request, self.settings)
        asked = bool(request.query_params.get("lang"))

        def visited(connection: Connection) -> tuple[Participant, Result] | None:
            found = self._find(connection, session)
            if found is None:
                return None
            if asked and session.language != found.language:
                participants.speak(connection, found.participant, session.language)
                found = replace(found, language=session.language)
            return found, work(connection, found)

        done = await self.run(visited) if session.person else None
        if done is None:
            raise RefusedError("unknown", 404)
        who, result = done
        return session.speaking(who.language), who, result

    def _find(self, connection: Connection, session: Session) -> Participant | None:
        # A sign of life is written a few times within the patience that is had with the silent, not at every step.
        every = self.settings.plan.patience / 20
        return participants.resume(connection, session.person or "", now(), every)

    async def form(self, request: Request) -> FormData:
        """The form sent; RefusedError where it did not come from our own page in this visit."""
        form = await request.form()
        if not is_own_form(request, self.settings, form.get("form_token")):
            raise RefusedError("expired" if VISIT in request.cookies else "cookies", 403)
        return form

    async def speak(self, session: Session, who: Participant, language: str) -> Session:
        """Go on in another language of the study."""
        await self.run(lambda connection: participants.speak(connection, who.participant, language))
        return session.speaking(language)

    def page(self, request: Request, session: Session, template: str, status: int = 200, **shown: Any) -> Response:
        """A page in the language of the session."""
        values: dict[str, Any] = {
            "path": request.scope["path"],
            "form_token": session.form_token(self.settings),
            "known": bool(session.person),
            "study": self.settings.study,
        }
        content = self.pages.render(f"participants/{template}", session.language, **(values | shown))
        response = HTMLResponse(content, status)
        remember(response, session, self.settings)
        return response

    def redirect(self, where: str, session: Session) -> Response:
        """To another page, with GET, so that reloading it sends nothing twice."""
        response = RedirectResponse(where, status_code=303)
        remember(response, session, self.settings)
        return response
