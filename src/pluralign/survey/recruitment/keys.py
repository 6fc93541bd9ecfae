"""Prolific's signature on the links by which participants come.

The token is a JWT signed with RS256 by one of the keys that Prolific publishes as a JSON Web Key Set
(docs.prolific.com, "Well known endpoints").
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt

KEYS_PATH = "/.well-known/study/jwks.json"
# Prolific asks for a refresh at least daily. A key not known yet is looked for at most once a minute, so that forged
# tokens do not make us call Prolific at every visit.
_FRESH, _PATIENCE = 12 * 3600.0, 60.0
_LEEWAY = 30
_TIMEOUT = 10


class SignatureError(Exception):
    """Raised when a token is missing, forged, too old, or made for another site."""


class KeysAwayError(Exception):
    """Raised when Prolific's keys cannot be fetched and none are known yet."""


@dataclass(slots=True)
class Keys:
    """Prolific's public keys, fetched when needed and kept; safe to use from several threads."""

    address: str
    _keys: dict[str, Any] = field(default_factory=dict)
    _fetched: float = float("-inf")
    _lock: Lock = field(default_factory=Lock)

    def claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """What Prolific says about a visit; SignatureError where it is not Prolific who says so."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._key(str(kid))
            if key is None:
                raise SignatureError("signed with a key that is not Prolific's")
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=_audiences(audience),
                leeway=_LEEWAY,
                options={"require": ["exp", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise SignatureError(type(error).__name__) from error
        said = claims.get("prolific")
        if not isinstance(said, Mapping):
            raise SignatureError("no claim `prolific`")
        return said

    def _key(self, kid: str) -> Any:
        with self._lock:
            age = time.monotonic() - self._fetched
            if age > _FRESH or (kid not in self._keys and age > _PATIENCE):
                self._fetch()
            return self._keys.get(kid)

    def _fetch(self) -> None:
        try:
            answer = httpx2.get(self.address + KEYS_PATH, timeout=_TIMEOUT)
            answer.raise_for_status()
            found = jwt.PyJWKSet.from_dict(answer.json())
        except (httpx2.HTTPError, ValueError, TypeError, jwt.PyJWTError) as error:
            # Known keys stay good while Prolific is away.
            if not self._keys:
                raise KeysAwayError from error
            return
        self._keys = {key.key_id: key.key for key in found.keys if key.key_id}
        self._fetched = time.monotonic()


def _audiences(address: str) -> list[str]:
    """The ways in which Prolific may name our site: its address, with and without a slash, or its host."""
    bare = address.rstrip("/")
    return [bare, f"{bare}/", urlsplit(bare).netloc or bare]
