"""The participants' pages: start, screening, items, questions, end, withdrawal.

Every page is where the participant is according to the database, so that reloading, the back button, two windows and
another device all end in the right place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.fielding import answers, assignment, participants, withdrawal
from pluralign.survey.fielding.participants import Participant
from pluralign.survey.fielding.plan import open_questions, screened_questions
from pluralign.survey.operation.limits import Limited
from pluralign.survey.participants import forms, shown
from pluralign.survey.participants.desk import Desk, RefusedError
from pluralign.survey.participants.session import Session, forget, now, read_session
from pluralign.survey.recruitment.door import Door
from pluralign.survey.recruitment.entry import drop_entry, keep_entry
from pluralign.survey.security import Attempts

# What a page shows, or the path of another one to go to.
_Found = dict[str, Any] | str


@dataclass(frozen=True, slots=True)
class ParticipantPages:
    """The pages, each a method; ``desk`` has what they share, ``door`` lets people in."""

    desk: Desk
    door: Door

    def routes(self) -> list[Route]:
        """Where each page is."""
        limit = Middleware(Limited, attempts=Attempts(self.desk.settings.attempts_per_minute, 60))
        return [
            Route("/", self.welcome, methods=["GET"]),
            Route("/start", self.welcome, methods=["GET"]),
            Route("/start", self.start, methods=["POST"], middleware=[limit]),
            Route("/go", self.go, methods=["GET"]),
            Route("/rate", self.rate, methods=["GET"]),
            Route("/rate", self.rated, methods=["POST"]),
            Route("/questions", self.questions, methods=["GET"]),
            Route("/questions", self.questioned, methods=["POST"]),
            Route("/later", self.later, methods=["GET"]),
            Route("/end", self.end, methods=["GET"]),
            Route("/withdraw", self.withdraw, methods=["GET"]),
            Route("/withdraw", self.withdrawn, methods=["POST"]),
            Route("/resume/{token}", self.resume, methods=["GET"], middleware=[limit]),
        ]

    async def welcome(self, request: Request) -> Response:
        """What the study is, and the form of consent; somebody who has begun goes on where they were."""
        session, settings = read_session(request, self.desk.settings), self.desk.settings
        entry = await self.door.entry(request)
        if entry is not None and (token := await self.door.known(entry)):
            return self.desk.redirect("/go", session.of(token))
        if entry is None:
            if await self.desk.who(session) is not None:
                return self.desk.redirect("/go", session)
            self.door.check_open()
        response = self.desk.page(request, session.anonymous(), "welcome.html", agreed={}, missing=False)
        if entry is not None:
            keep_entry(response, entry, settings.secret, secure=settings.secure)
        return response

    async def start(self, request: Request) -> Response:
        """Consent: note it and begin, or say what is missing. Another language leaves the ticks as they are."""
        form = await self.desk.form(request)
        session, settings = read_session(request, self.desk.settings), self.desk.settings
        entry = await self.door.entry(request)
        if entry is None:
            if await self.desk.who(session) is not None:
                return self.desk.redirect("/go", session)
            self.door.check_open()
        agreed, language = forms.read_consent(settings.study, form), forms.read_language(settings.study, form)
        if language is not None:
            spoken = session.anonymous().speaking(language)
            return self.desk.page(request, spoken, "welcome.html", agreed=agreed, missing=False)
        if not all(agreed.values()):
            return self.desk.page(request, session.anonymous(), "welcome.html", 422, agreed=agreed, missing=True)
        token = await self.door.begin(entry, session.language, agreed, now())
        response = self.desk.redirect("/go", session.of(token))
        drop_entry(response)
        return response

    async def go(self, request: Request) -> Response:
        """To the page where this participant is."""
        session, who = await self.desk.present(request)
        return self.desk.redirect(_place(who), session)

    async def rate(self, request: Request) -> Response:
        """The item to rate now."""
        session, _, found = await self.desk.visit(request, lambda connection, who: self._item(connection, who, None))
        return self._shown(request, session, found, None)

    async def rated(self, request: Request) -> Response:
        """Answers about an item: kept as they are, and the item closed when the participant says so."""
        form = await self.desk.form(request)
        wish = str(form.get("wish", "keep"))

        def work(connection: Connection, who: Participant) -> tuple[answers.Saved, _Found]:
            saved = self._save(connection, who, form, wish)
            if wish == "next" and _stays(saved):
                return saved, self._item(connection, who, saved)
            if wish in ("next", "skip"):
                # The next item is taken with the commit that closes this one: two would take twice as long.
                following = self._following(connection, who)
                return saved, following if isinstance(following, str) else "/rate"
            return saved, "/later" if wish == "later" else _place(who)

        session, who, (saved, found) = await self.desk.visit(request, work)
        if request.headers.get("hx-request"):
            return HTMLResponse(self.desk.pages.words(who.language)["saved"], status_code=200 if saved.known else 409)
        if language := forms.read_language(self.desk.settings.study, form):
            session = await self.desk.speak(session, who, language)
        return self._shown(request, session, found, saved)

    def _save(self, connection: Connection, who: Participant, form: FormData, wish: str) -> answers.Saved:
        moment, which = now(), str(form.get("assignment", ""))
        if wish == "skip":
            assignment.skip(connection, who.participant, which, moment)
            return answers.Saved(known=True)
        study = instrument.load(connection, who.instrument)
        given = forms.read_given(study, form, self.desk.settings.plan.tasks)
        given = shown.without_unchanged(connection, which, given)
        return answers.save(connection, study, who, which, given, final=wish == "next", now=moment)

    def _shown(self, request: Request, session: Session, found: _Found, saved: answers.Saved | None) -> Response:
        if isinstance(found, str):
            return self.desk.redirect(found, session)
        missing = saved.missing if saved else ()
        notice = _notice(saved) if saved else None
        status = 422 if missing else 200
        return self.desk.page(request, session, "rate.html", status, **found, missing=missing, notice=notice)

    def _following(self, connection: Connection, who: Participant) -> assignment.Assignment | str:
        """The item to rate now, or the page of what comes after the last one."""
        if who.state != "rating":
            return _place(who)
        moment, plan = now(), self.desk.settings.plan
        study = instrument.load(connection, who.instrument)
        given = assignment.next_item(connection, plan, who.participant, who.cell, study.items_per_rater, moment)
        return given or _place(participants.after_items(connection, study, plan, who.participant, moment))

    def _item(self, connection: Connection, who: Participant, saved: answers.Saved | None) -> _Found:
        """What the page of the open item shows, or the page to go to."""
        given = self._following(connection, who)
        if isinstance(given, str):
            return given
        study, plan = instrument.load(connection, who.instrument), self.desk.settings.plan
        missing = saved.missing if saved else ()
        so_far = answers.load(connection, given.assignment)
        exchange, done = shown.exchange(connection, given.item, who)
        words = self.desk.pages.words(who.language)
        return {
            "study": study,
            "assignment": given.assignment,
            "number": done + 1,
            "total": study.items_per_rater,
            "exchange": exchange,
            # By the study file as it is now: people who began before reviewers looked are warned too.
            "warned": self.desk.settings.study.corpus.review.warns_of(exchange.severity),
            "questions": shown.item_questions(study, who.language, words, so_far, missing),
            "tasks": shown.tasks(plan.tasks, exchange, so_far),
            "sources": [(each.label[who.language], each.source) for each in study.dimensions if each.source],
        }

    async def questions(self, request: Request) -> Response:
        """Questions about the person: before the first item those that decide, at the end the others."""
        session, who = await self.desk.present(request)
        return await self._about(request, session, who, forms.read_number(request.query_params.get("page")))

    async def questioned(self, request: Request) -> Response:
        """Answers about the person: kept as they are, and the page closed when the person says so."""
        form, kept = await self.desk.form(request), "hx-request" in request.headers
        session, who = await self.desk.present(request)
        here = _place(who) == "/questions"
        wish = "keep" if kept else str(form.get("wish", "next"))
        page, missing = 0, tuple[str, ...]()
        if here:
            page, missing = await self.desk.run(lambda connection: self._answer(connection, who, form, wish == "next"))
        if kept:
            return HTMLResponse(self.desk.pages.words(who.language)["saved"], status_code=200 if here else 409)
        if wish == "later":
            return self.desk.redirect("/later", session)
        if language := forms.read_language(self.desk.settings.study, form):
            session = await self.desk.speak(session, who, language)
            return self.desk.redirect(f"/questions?page={page}", session)
        if wish == "next" and missing:
            return await self._about(request, session, who, page, missing)
        return self.desk.redirect("/go", session)

    async def _about(
        self,
        request: Request,
        session: Session,
        who: Participant,
        page: int | None,
        missing: tuple[str, ...] = (),
    ) -> Response:
        if _place(who) != "/questions":
            return self.desk.redirect(_place(who), session)

        def work(connection: Connection) -> dict[str, Any]:
            study, plan = instrument.load(connection, who.instrument), self.desk.settings.plan
            asked = self._asked(study, who)
            known = shown.standing(study, participants.answers(connection, who.participant))
            at = shown.page_of_questions(study, asked, known, page)
            keys = shown.question_pages(study, asked)[at]
            words = self.desk.pages.words(who.language)
            after_items = who.state == "demographics" and plan.demographics == "after"
            return {
                "study": study,
                "page": at,
                "hint": shown.questions_hint(study, who),
                "nothing_left": after_items and shown.has_fewer_items(connection, study, who),
                "questions": shown.about_questions(study, who.language, words, keys, known, missing),
            }

        found = await self.desk.run(work)
        status = 422 if missing else 200
        return self.desk.page(request, session, "questions.html", status, **found, missing=missing)

    def _answer(
        self, connection: Connection, who: Participant, form: FormData, final: bool
    ) -> tuple[int, tuple[str, ...]]:
        """Write the answers of one page and, when ``final``, go on where none is left.

        Returns which page it was and what was left out there.
        """
        moment, study = now(), instrument.load(connection, who.instrument)
        asked = self._asked(study, who)
        known = shown.standing(study, participants.answers(connection, who.participant))
        page = shown.page_of_questions(study, asked, known, forms.read_number(form.get("page")))
        here = shown.question_pages(study, asked)[page]
        given = forms.read_answers(study, form, here, known)
        participants.save_answers(connection, study, who, given, tuple(given), moment)
        known = shown.standing(study, known | given)
        if final and all(key in known for key in asked):
            step = participants.admit if who.state == "screening" else participants.after_questions
            step(connection, study, self.desk.settings.plan, who.participant, moment)
        return page, tuple(key for key in here if key not in known)

    def _asked(self, study: Study, who: Participant) -> tuple[str, ...]:
        questions = screened_questions if who.state == "screening" else open_questions
        return questions(study, self.desk.settings.plan)

    async def later(self, request: Request) -> Response:
        """The link with which to go on."""
        session, _ = await self.desk.present(request)
        link = str(request.url_for("resume", token=session.person))
        return self.desk.page(request, session, "later.html", link=link)

    async def end(self, request: Request) -> Response:
        """How it ended. A completion code is shown to nobody whose answers are not all saved."""
        session, who = await self.desk.present(request)
        if _place(who) != "/end":
            return self.desk.redirect(_place(who), session)
        settings = self.desk.settings

        def work(connection: Connection) -> shown.Ending:
            return shown.ending(connection, instrument.load(connection, who.instrument), settings.plan, who)

        ending = await self.desk.run(work)
        code = settings.codes.get(who.state)
        url = f"{settings.completion_url}?cc={code}" if settings.completion_url and code else None
        receipt = who.participant if ending.kept else None
        said: dict[str, Any] = {"state": who.state, "text": ending.text, "nothing_left": ending.nothing_left}
        return self.desk.page(request, session, "end.html", **said, code=code, url=url, receipt=receipt)

    async def withdraw(self, request: Request) -> Response:
        """Ask whether everything is to be deleted."""
        session, _ = await self.desk.present(request)
        return self.desk.page(request, session, "withdraw.html")

    async def withdrawn(self, request: Request) -> Response:
        """Delete everything of this participant."""
        await self.desk.form(request)
        session, who = await self.desk.present(request)
        moment, erased = now(), self.desk.settings.erased

        def work(connection: Connection) -> None:
            if withdrawal.withdraw(connection, who.participant, "participant", moment) and erased is not None:
                erased.note(who.participant)

        await self.desk.run(work)
        await run_in_threadpool(self.desk.database.sweep)
        response = self.desk.page(
            request,
            session.anonymous(),
            "message.html",
            heading="withdrawn_heading",
            text="withdrawn_text",
            path="/",
        )
        forget(response)
        return response

    async def resume(self, request: Request) -> Response:
        """A link with which somebody goes on, here or on another device."""
        session = read_session(request, self.desk.settings).of(request.path_params["token"])
        who = await self.desk.who(session)
        if who is None:
            raise RefusedError("unknown", 404)
        return self.desk.redirect("/go", session.speaking(who.language))


def _stays(saved: answers.Saved) -> bool:
    """Whether there is something to say about the item just sent before another one is shown."""
    return bool(saved.missing or saved.given_on or not saved.known)


def _notice(saved: answers.Saved) -> str | None:
    """What is to be said about the item just sent, where another one is shown in its place."""
    if saved.given_on:
        return "given_on"
    return None if saved.known else "saved_before"


def _place(who: Participant) -> str:
    """The page of a state."""
    return {"screening": "/questions", "rating": "/rate", "demographics": "/questions"}.get(who.state, "/end")
