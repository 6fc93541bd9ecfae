"""A survey that runs in a thread of the tests' own process, for browsers to visit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from tests.survey.servers import free_port


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """Serve an application; its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started, "the survey did not start in time"
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)
