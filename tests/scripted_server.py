"""An OpenAI-compatible server on this machine that does what a test tells it: also what servers should not do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. ``body`` is sent as JSON unless it is bytes; ``cut`` announces more bytes than are sent."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False


def completion(text: str | None, **other: Any) -> Answer:
    """A well-formed chat completion; ``other`` are more fields of the message, or ``finish_reason`` and ``usage``."""
    finish = other.pop("finish_reason", "stop")
    usage = other.pop("usage", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    message = {"role": "assistant", "content": text, **other}
    return Answer(
        {
            "id": "one",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted-1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
        }
    )


def error(status: int, message: str, **headers: str) -> Answer:
    """A failure as OpenAI's protocol words it."""
    body = {"error": {"message": message, "type": "error", "code": None}}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


Script = Callable[[dict[str, Any], int], Answer]


@dataclass
class Scripted:
    """A running server: its address, the requests that came, how many at once at most."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    most_at_once: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def scripted_server(script: Script) -> Iterator[Scripted]:
    """Serve ``script(request, number)``, where ``number`` counts the requests from 0."""
    state = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with state.lock:
                number = len(state.requests)
                state.requests.append(request)
                state.keys.append(self.headers.get("Authorization", ""))
                state.paths.append(self.path)
                state.now += 1
                state.most_at_once = max(state.most_at_once, state.now)
            try:
                self._send(script(request, number))
            finally:
                with state.lock:
                    state.now -= 1

        def _send(self, answer: Answer) -> None:
            time.sleep(answer.delay)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            try:
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body) + (1000 if answer.cut else 0)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                return  # the client did not wait
            finally:
                self.close_connection = self.close_connection or answer.cut

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
