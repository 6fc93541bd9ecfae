"""The researchers' pages. Every page but the login needs an account; releases, erasure and the log need a manager."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pluralign.errors import ConfigError
from pluralign.folder import StudyFolder
from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.database import Database
from pluralign.survey.database.tables import audit
from pluralign.survey.fielding import withdrawal
from pluralign.survey.release.collected import collect
from pluralign.survey.release.flags import Signs
from pluralign.survey.release.making import Release, Wishes, make
from pluralign.survey.release.writing import as_zip, corpus
from pluralign.survey.researchers import accounts, live, views
from pluralign.survey.researchers.accounts import Researcher
from pluralign.survey.researchers.coverage import choices, coverage
from pluralign.survey.researchers.desk import ROOT, Desk, UnknownError, now
from pluralign.survey.researchers.live import Described, Fitted, Kept
from pluralign.survey.researchers.overview import overview
from pluralign.survey.researchers.reviewing import ReviewPages
from pluralign.survey.settings import Settings
from pluralign.wording import counted

_KEPT_SECONDS = 60
_LOG_ENTRIES = 200
# Attempts to log in, in five minutes.
_TRIES_PER_NAME, _TRIES_PER_ADDRESS = 10, 20


class ResearcherPages:
    """The pages, each a method; ``desk`` has what they share."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._fitted: Kept[Fitted] = Kept(_KEPT_SECONDS)

    def routes(self) -> list[Route]:
        """Where each page is."""
        page, deed = self.desk.page_route, self.desk.deed_route
        return [
            Route(f"{ROOT}/login", self.login, methods=["GET"]),
            Route(f"{ROOT}/login", self.logged_in, methods=["POST"]),
            deed("/logout", self.logout, reviewer=True),
            page("", self.overview),
            page("/coverage", self.coverage),
            page("/items", self.items),
            page("/item", self.item),
            page("/people", self.people),
            page("/person", self.person),
            page("/analysis", self.analysis),
            page("/release", self.release, manager=True),
            deed("/release", self.released, manager=True),
            page("/erase", self.erase, manager=True),
            deed("/erase", self.erased, manager=True),
            page("/log", self.log, manager=True),
        ]

    async def login(self, request: Request) -> Response:
        """Name and password."""
        if await self.desk.who(request) is not None:
            return RedirectResponse(ROOT, status_code=303)
        return self._login_page(request, "", 200)

    async def logged_in(self, request: Request) -> Response:
        """Begin a session for whoever knows a password; a few attempts in five minutes."""
        form = await request.form()
        if not self.desk.is_own(request, form):
            return self._login_page(request, "This form had expired. Please try again.", 403)
        name, password = _text(form, "name"), _text(form, "password")
        address = request.client.host if request.client else ""
        if not await self._may_try(name, address):
            return self._login_page(request, "Too many attempts. Wait five minutes and try again.", 429)
        cookie = await self._session_for(name, password)
        if cookie is None:
            return self._login_page(request, "No account has this name and password.", 401)
        response = RedirectResponse(ROOT, status_code=303)
        self.desk.remember(response, cookie)
        return response

    async def _may_try(self, name: str, address: str) -> bool:
        secret, moment = self.desk.settings.secret, now()
        allowed = {f"name {name}": _TRIES_PER_NAME, f"address {address}": _TRIES_PER_ADDRESS}
        return await self.desk.run(lambda connection: accounts.may_try(connection, secret, allowed, moment))

    async def _session_for(self, name: str, password: str) -> str | None:
        stored = await self.desk.read(lambda connection: accounts.stored_hash(connection, name))
        # Outside a transaction: checking takes long on purpose.
        if not await run_in_threadpool(accounts.check, stored, password) or stored is None:
            return None
        secret, moment = self.desk.settings.secret, now()

        def work(connection: Connection) -> str:
            accounts.strengthen(connection, name, stored, password)
            return accounts.log_in(connection, secret, name, moment)

        return await self.desk.run(work)

    def _login_page(self, request: Request, notice: str, status: int) -> Response:
        return self.desk.page(request, Researcher("", ""), "login.html", status, notice=notice)

    async def logout(self, _request: Request, who: Researcher, _form: FormData) -> Response:
        """End the researcher's sessions, here and everywhere."""
        moment = now()
        await self.desk.run(lambda connection: accounts.log_out(connection, who.name, moment))
        response = RedirectResponse(f"{ROOT}/login", status_code=303)
        self.desk.remember(response, secrets.token_urlsafe(16))
        return response

    async def overview(self, request: Request, who: Researcher) -> Response:
        """How the study stands."""
        prolific = self.desk.settings.prolific

        def work(connection: Connection) -> dict[str, Any]:
            study = _study(connection)
            return {"o": overview(connection, study, prolific.screen_out if prolific else None), "study": study}

        return self.desk.page(request, who, "overview.html", **await self.desk.read(work), now=now())

    async def coverage(self, request: Request, who: Researcher) -> Response:
        """Who has rated what."""

        def work(connection: Connection) -> dict[str, Any]:
            study = _study(connection)
            known = choices(study)
            if not known:
                raise UnknownError("The study has neither perspectives nor questions about people to divide by.")
            by = request.query_params.get("by") or known[0][0]
            return {"c": coverage(connection, study, by, _page(request)), "choices": known}

        return self.desk.page(request, who, "coverage.html", **await self.desk.read(work))

    async def items(self, request: Request, who: Researcher) -> Response:
        """All items, least rated first."""
        found = await self.desk.read(lambda connection: views.items(connection, _study(connection), _page(request)))
        return self.desk.page(request, who, "items.html", listing=found)

    async def item(self, request: Request, who: Researcher) -> Response:
        """One item and its ratings."""
        key = _plain(request.query_params.get("key", ""))

        def work(connection: Connection) -> dict[str, Any]:
            study = _study(connection)
            found = views.item_of(connection, study, key)
            if found is None:
                raise UnknownError("There is no such item.")
            return {"item": found, "study": study}

        return self.desk.page(request, who, "item.html", **await self.desk.read(work))

    async def people(self, request: Request, who: Researcher) -> Response:
        """All participants, the latest first."""
        flagged = request.query_params.get("flagged") == "yes"

        def work(connection: Connection) -> dict[str, Any]:
            signs = Signs.of(connection, _study(connection))
            listing = views.people(connection, signs, _page(request), flagged=flagged)
            return {"listing": listing, "wording": signs.limits.wording()}

        return self.desk.page(request, who, "people.html", **await self.desk.read(work), flagged=flagged)

    async def person(self, request: Request, who: Researcher) -> Response:
        """One participant."""
        identifier = _plain(request.query_params.get("key", ""))

        def work(connection: Connection) -> dict[str, Any]:
            signs = Signs.of(connection, _study(connection))
            found = views.person(connection, signs, identifier)
            if found is None:
                raise UnknownError("There is no such participant; they may have withdrawn.")
            return {"person": found, "study": signs.study, "wording": signs.limits.wording()}

        return self.desk.page(request, who, "person.html", **await self.desk.read(work))

    async def analysis(self, request: Request, who: Researcher) -> Response:
        """What has come in, and on demand the study's model of it."""

        def work(connection: Connection) -> tuple[Study, Described]:
            study = _study(connection)
            return study, live.describe(connection, study)

        study, described = await self.desk.read(work)
        fitted = None
        if described.enough and request.query_params.get("fit") == "yes":
            fitted = await run_in_threadpool(self._fitted.get, lambda: self._fit(study))
        shown: dict[str, Any] = {"described": described, "fitted": fitted, "study": study}
        return self.desk.page(request, who, "analysis.html", **shown, least=(live.LEAST_PEOPLE, live.LEAST_RATINGS))

    def _fit(self, study: Study) -> Fitted:
        with self.desk.database.read() as connection:
            collected = collect(connection, study)
        return live.fit(collected, study)

    async def release(self, request: Request, who: Researcher) -> Response:
        """The form of a release."""
        study = await self.desk.read(_study)
        return self.desk.page(request, who, "release.html", study=study, k=Wishes().k)

    async def released(self, _request: Request, who: Researcher, form: FormData) -> Response:
        """A release as a file to download; noted in the log."""
        wishes, folder, moment = _wishes(form), self.desk.settings.words_folder, now()
        if folder is None:
            raise ConfigError("The survey was started without its study folder; use `pluralign export ratings`.")
        prompts, items = await run_in_threadpool(corpus, StudyFolder(folder))
        made: Release = await self.desk.read(lambda connection: make(connection, prompts, items, wishes))
        name = f"{made.study.name}-{wishes.level}-{moment:%Y-%m-%d}"
        content = await run_in_threadpool(as_zip, made, name)
        raters = counted(len(made.feedback.raters), "person", "people")
        size = f"{counted(len(made.feedback.ratings), 'rating')} by {raters}"
        await self.desk.run(
            lambda connection: accounts.note(connection, who.name, f"took out a {wishes.level} release: {size}", moment)
        )
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        return Response(content, media_type="application/zip", headers=headers)

    async def erase(self, request: Request, who: Researcher) -> Response:
        """Ask for a receipt code."""
        code = request.query_params.get("key", "")[:32]
        return self.desk.page(request, who, "erase.html", code=code, notice="", done=False)

    async def erased(self, request: Request, who: Researcher, form: FormData) -> Response:
        """Erase the participant of a receipt code. The log says that it was done, not to whom."""
        code, moment, erased = _text(form, "code").strip().lower(), now(), self.desk.settings.erased
        if _text(form, "sure") != "yes":
            notice = "Tick the box if everything of this person is to be erased."
            return self.desk.page(request, who, "erase.html", 422, code=code, notice=notice, done=False)

        def work(connection: Connection) -> bool:
            gone = withdrawal.withdraw(connection, code, "researcher", moment)
            if gone and erased is not None:
                erased.note(code)
            if gone:
                accounts.note(connection, who.name, "erased a participant", moment)
            return gone

        if not await self.desk.run(work):
            notice = "Nobody has this receipt code. It has 32 letters and digits; they may have withdrawn themselves."
            return self.desk.page(request, who, "erase.html", 422, code=code, notice=notice, done=False)
        await run_in_threadpool(self.desk.database.sweep)
        self._fitted.forget()
        return self.desk.page(request, who, "erase.html", code="", notice="", done=True)

    async def log(self, request: Request, who: Researcher) -> Response:
        """Who did what."""
        query = select(audit.c.at, audit.c.who, audit.c.what).order_by(audit.c.entry.desc()).limit(_LOG_ENTRIES)
        entries = await self.desk.read(lambda connection: list(connection.execute(query)))
        return self.desk.page(request, who, "log.html", entries=entries, most=_LOG_ENTRIES)


def _study(connection: Connection) -> Study:
    return instrument.load(connection, instrument.newest_version(connection))


def _page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _plain(text: str) -> str:
    """Without NUL, which neither database takes."""
    return text.replace("\x00", "")


def _text(form: FormData, name: str) -> str:
    """A field; a file in its place counts as nothing."""
    value = form.get(name)
    return _plain(value) if isinstance(value, str) else ""


def _wishes(form: FormData) -> Wishes:
    internal = _text(form, "level") == "internal"
    k = _text(form, "k")
    if not internal and not (k.isascii() and k.isdigit() and len(k) < 5):
        raise ConfigError("The number of people who must be alike is a whole number from 2.")
    known = tuple(key for key in form.getlist("known") if isinstance(key, str))
    return Wishes(
        level="internal" if internal else "public",
        k=Wishes().k if internal else int(k),
        known=known,
        unfinished=_text(form, "unfinished") == "yes",
        licence=_text(form, "licence").strip()[:100] or None,
    )


def researcher_routes(settings: Settings, database: Database) -> list[Route]:
    """All researchers' pages of a survey."""
    desk = Desk(settings, database)
    return [*ResearcherPages(desk).routes(), *ReviewPages(desk).routes()]
