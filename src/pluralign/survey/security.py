"""What guards the pages: form tokens, headers, the size of forms, the number of attempts."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from threading import Lock

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing but our own files: no inline script or style, no frame around the pages, no other site as a form's target.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LARGEST_BODY = 64 * 1024


def keyed_hash(secret: bytes, purpose: str, value: str) -> str:
    """SHA-256 keyed with the survey's secret; ``purpose`` keeps digests of different kinds apart."""
    return hmac.new(secret, f"{purpose}\n{value}".encode(), hashlib.sha256).hexdigest()


def form_token(secret: bytes, visit: str) -> str:
    """The token that forms of one visit carry, so that no other site can send them."""
    return keyed_hash(secret, "form", visit)


def is_form_token(secret: bytes, visit: str | None, token: str | None) -> bool:
    """Whether a form came from our own page."""
    if not visit or not token:
        return False
    # As bytes, for what a stranger sends need not be ASCII.
    return hmac.compare_digest(form_token(secret, visit).encode(), token.encode("utf-8", "replace"))


class SafeHeaders:
    """Adds the headers to every response; pages with answers are kept out of caches."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app, self._secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class TooLargeError(Exception):
    """A form larger than ``LARGEST_BODY``."""


class BodyLimit:
    """Stops reading a body that is too large, whatever length it claims; reading it raises TooLargeError."""

    def __init__(self, app: ASGIApp, at_most: int = LARGEST_BODY) -> None:
        self._app, self._at_most = app, at_most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what it brings."""
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._at_most:
                raise TooLargeError
            return message

        await self._app(scope, receive_counted, send)


class Attempts:
    """At most ``allowed`` attempts in ``seconds`` per client, counted in this process."""

    def __init__(self, allowed: int, seconds: float, remembered: int = 10_000) -> None:
        self._allowed, self._seconds, self._remembered = allowed, seconds, remembered
        self._since: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def allow(self, client: str) -> bool:
        """Count an attempt and say whether it may go on."""
        now = time.monotonic()
        with self._lock:
            began, count = self._since.pop(client, (now, 0))
            if now - began > self._seconds:
                began, count = now, 0
            self._since[client] = (began, count + 1)
            if len(self._since) > self._remembered:
                self._since.popitem(last=False)
            return count < self._allowed
