"""How somebody from Prolific comes in: read from the address, kept in a signed cookie until the study begins.

The ids are never asked for and never shown. The cookie carries them over a change of language and over a form of
consent that was not complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import Response

from pluralign.survey.recruitment.access import Access
from pluralign.survey.recruitment.keys import Keys, SignatureError

PERSON, STUDY, SUBMISSION, TOKEN = "PROLIFIC_PID", "STUDY_ID", "SESSION_ID", "prolific_token"
COOKIE = "pluralign_entry"
_KEPT = timedelta(hours=24)
_PURPOSE = "entry"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody from Prolific: their id, and the ids of the study and of the submission there."""

    person: str
    study: str
    submission: str


def arriving(query: Mapping[str, str], access: Access, keys: Keys) -> Entry | None:
    """Who comes with this address; None where it names nobody.

    With ``access.audience`` only what Prolific signed is believed. Raises SignatureError where the ids are not
    Prolific's or lead to another study, KeysAwayError where that cannot be checked now.
    """
    if access.audience is None:
        return _entry(query, access) if PERSON in query else None
    if TOKEN not in query:
        if PERSON in query:
            raise SignatureError("not signed")
        return None
    return _entry(keys.claims(query[TOKEN], access.audience), access)


def _entry(named: Mapping[str, Any], access: Access) -> Entry:
    ids = [str(named.get(name, "")) for name in (PERSON, STUDY, SUBMISSION)]
    if not all(_ID.fullmatch(each) for each in ids):
        raise SignatureError("ids are missing or malformed")
    found = Entry(*ids)
    if access.studies and found.study not in access.studies:
        raise SignatureError("another study")
    return found


def read_entry(request: Request, secret: bytes) -> Entry | None:
    """Who came in earlier in this browser, by our own signature."""
    try:
        content = jwt.decode(request.cookies.get(COOKIE, ""), secret, algorithms=["HS256"], audience=_PURPOSE)
        return Entry(content["person"], content["study"], content["submission"])
    except (jwt.PyJWTError, KeyError):
        return None


def keep_entry(response: Response, entry: Entry, secret: bytes, *, secure: bool) -> None:
    """Set the cookie that ``read_entry`` reads."""
    content = asdict(entry) | {"aud": _PURPOSE, "exp": datetime.now(UTC) + _KEPT}
    value = jwt.encode(content, secret, algorithm="HS256")
    response.set_cookie(
        COOKIE, value, max_age=int(_KEPT.total_seconds()), httponly=True, samesite="lax", secure=secure, path="/"
    )


def drop_entry(response: Response) -> None:
    """Remove the cookie: the database knows the person now."""
    response.delete_cookie(COOKIE, path="/")
