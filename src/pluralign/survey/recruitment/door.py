"""Who is let in, and as whom: the same Prolific id is always the same participant."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from pluralign.survey.fielding import participants
from pluralign.survey.participants.desk import Desk, RefusedError
from pluralign.survey.recruitment import identities
from pluralign.survey.recruitment.entry import Entry, arriving, read_entry
from pluralign.survey.recruitment.keys import Keys, KeysAwayError, SignatureError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """The way in. Where a survey recruits on Prolific, nobody comes in by another way."""

    desk: Desk
    keys: Keys | None = field(init=False)

    def __post_init__(self) -> None:
        access = self.desk.settings.prolific
        object.__setattr__(self, "keys", Keys(access.address) if access else None)

    async def entry(self, request: Request) -> Entry | None:
        """Who comes from Prolific with this request, now or a page ago; None where nobody is named.

        Raises RefusedError where the ids are not Prolific's.
        """
        settings = self.desk.settings
        if settings.prolific is None or self.keys is None:
            return None
        try:
            found = await run_in_threadpool(arriving, request.query_params, settings.prolific, self.keys)
        except SignatureError as error:
            _log.warning("a visit from Prolific was refused: %s", error)
            raise RefusedError("uninvited", 403) from error
        except KeysAwayError as error:
            _log.error("Prolific's keys cannot be fetched; nobody new gets in")
            raise RefusedError("busy", 503) from error
        return found or read_entry(request, settings.secret)

    def check_open(self) -> None:
        """Raise RefusedError where everybody must come from Prolific."""
        if self.desk.settings.prolific is not None:
            raise RefusedError("uninvited", 403)

    async def known(self, entry: Entry) -> str | None:
        """The token of the participant who has this Prolific id already."""
        secret = self.desk.settings.secret

        def work(connection: Connection) -> str | None:
            found = identities.find(connection, secret, entry)
            return identities.session_token(secret, entry.person) if found else None

        return await self.desk.run(work)

    async def begin(self, entry: Entry | None, language: str, agreed: Mapping[str, bool], now: datetime) -> str:
        """Let somebody in who agreed to everything; returns their token, which is the old one for who was in before."""

        def work(connection: Connection) -> str:
            return self._begin(connection, entry, language, agreed, now)

        return await self.desk.run(work)

    def _begin(
        self, connection: Connection, entry: Entry | None, language: str, agreed: Mapping[str, bool], now: datetime
    ) -> str:
        settings = self.desk.settings
        if entry is not None and identities.find(connection, settings.secret, entry) is not None:
            return identities.session_token(settings.secret, entry.person)
        participants.release_the_silent(connection, settings.plan, now)
        started = participants.start(
            connection,
            settings.study,
            settings.plan,
            language=language,
            origin="prolific" if entry else "open",
            agreed=agreed,
            now=now,
        )
        if entry is None or settings.prolific is None:
            return started.token
        keep = timedelta(days=settings.prolific.keep_days)
        return identities.note(connection, settings.secret, entry, started.participant.participant, now, keep)
