"""Logs as one JSON object per line, without anything about a person.

No address, no id, no token, no query, no text: a request is the name of its page, its status and its duration. Of an
error the kind and the places in the code are kept; its message is not, because databases put values into it.
"""

from __future__ import annotations

import json
import logging
import os
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pluralign.survey.operation.traffic import Traffic

_log = logging.getLogger("pluralign.survey.requests")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": os.getpid(),
            "what": record.getMessage().partition("\n")[0],
        }
        line |= getattr(record, "details", {})
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            line["error"] = record.exc_info[0].__name__
            line["in"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


def log_config(level: str) -> dict[str, Any]:
    """How uvicorn and pluralign log: to standard error, by ``level`` and above."""
    loggers = {name: {"handlers": ["lines"], "level": level.upper(), "propagate": False} for name in _LOGGERS}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "pluralign.survey.operation.logs.JsonLines"}},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "loggers": loggers,
    }


_LOGGERS = ("pluralign", "uvicorn", "uvicorn.error")


class Observed:
    """Middleware around everything: counts and logs each request by the name of its page."""

    def __init__(self, app: ASGIApp, traffic: Traffic | None) -> None:
        self._app, self._traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            seconds, page = time.perf_counter() - began, page_name(scope)
            if self._traffic is not None:
                self._traffic.add(page, status, seconds)
            details = {"page": page, "method": scope["method"], "status": status, "ms": round(seconds * 1000, 1)}
            _log.info("request", extra={"details": details})


def page_name(scope: Scope) -> str:
    """The page that a request was for, by the name of what answered it."""
    return str(getattr(scope.get("endpoint"), "__name__", "other"))
