"""What all participants' pages share: who is there, whether a form is ours, pages, redirects, transactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pluralign.survey.database import Database
from pluralign.survey.fielding import participants
from pluralign.survey.fielding.participants import Participant
from pluralign.survey.participants.session import Session, is_own_form, now, read_session, remember
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
        token, moment = session.person, now()
        if not token:
            return None
        return await self.run(lambda connection: participants.resume(connection, token, moment))

    async def present(self, request: Request) -> tuple[Session, Participant]:
        """The participant, in the language asked for with ``?lang=``; RefusedError where nobody is known."""
        session = read_session(request, self.settings)
        found = await self.who(session)
        if found is None:
            raise RefusedError("unknown", 404)
        if request.query_params.get("lang") and session.language != found.language:
            return await self.speak(session, found, session.language)
        return session.speaking(found.language), found

    async def form(self, request: Request) -> FormData:
        """The form sent; RefusedError where it did not come from our own page in this visit."""
        form = await request.form()
        if not is_own_form(request, self.settings, form.get("form_token")):
            raise RefusedError("expired", 403)
        return form

    async def speak(self, session: Session, who: Participant, language: str) -> tuple[Session, Participant]:
        """Go on in another language of the study; an unknown one changes nothing."""
        if language not in self.settings.study.languages:
            return session, who

        def work(connection: Connection) -> Participant:
            participants.speak(connection, who.participant, language)
            return participants.load(connection, who.participant)

        return session.speaking(language), await self.run(work)

    def page(self, request: Request, session: Session, template: str, status: int = 200, **shown: Any) -> Response:
        """A page in the language of the session."""
        values: dict[str, Any] = {
            "path": request.url.path,
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
