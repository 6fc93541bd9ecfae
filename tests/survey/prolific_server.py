"""A Prolific of our own: the endpoints that a survey uses, following Prolific's documentation, on this machine.

It can be told to be busy or out of order, it signs links and calls as Prolific does, and it keeps what it was asked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pluralign.survey.recruitment.events import EVENT, SIGNATURE, TIMESTAMP, signature
from tests.survey.servers import free_port

TOKEN = "token-of-the-tests"
WEBHOOK_SECRET = "secret-of-the-calls"
FEE = 1.4
_FINAL = ("APPROVED", "REJECTED", "RETURNED", "SCREENED OUT")


@dataclass
class ProlificServer:
    """State of the server. ``trouble``: statuses that the next requests are answered with, first come first served."""

    port: int = field(default_factory=free_port)
    studies: dict[str, dict[str, Any]] = field(default_factory=dict)
    submissions: dict[str, dict[str, Any]] = field(default_factory=dict)
    trouble: list[int] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.new_key("first")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_key(self, kid: str) -> None:
        """Sign with another key from now on."""
        self.keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, audience: str, ids: Mapping[str, str], lasts: float = 300, **changes: Any) -> str:
        """The token of a secured link."""
        kid = list(self.keys)[-1]
        now = time.time()
        claims = {"iss": self.address, "aud": audience, "iat": now, "exp": now + lasts, "prolific": dict(ids)}
        return jwt.encode(claims | changes, self.keys[kid], algorithm="RS256", headers={"kid": kid})

    def add(self, submission: str, person: str, status: str, study: str = "study1", code: str | None = None) -> None:
        self.submissions[submission] = {
            "id": submission,
            "participant_id": person,
            "status": status,
            "started_at": "2026-03-01T12:00:00Z",
            "has_siblings": False,
            "study": study,
            "study_code": code,
        }

    def app(self) -> Starlette:
        api = "/api/v1"
        return Starlette(
            routes=[
                Route("/.well-known/study/jwks.json", self._jwks),
                Route(f"{api}/study-cost-calculator/", self._cost, methods=["POST"]),
                Route(f"{api}/studies/", self._create, methods=["POST"]),
                Route(f"{api}/submissions/", self._list),
                Route(f"{api}/submissions/bulk-approve/", self._approve, methods=["POST"]),
                Route(f"{api}/submissions/{{id}}/transition/", self._transition, methods=["POST"]),
                Route(f"{api}/submissions/{{id}}/request-return/", self._request_return, methods=["POST"]),
                Route(f"{api}/hooks/secrets/", self._secret, methods=["POST"]),
                Route(f"{api}/hooks/subscriptions/", self._subscribe, methods=["POST"]),
                Route(f"{api}/hooks/subscriptions/{{id}}/", self._confirm, methods=["POST"]),
            ]
        )

    async def _refusal(self, request: Request) -> Response | None:
        """What stands in the way of a request: ordered trouble, or a wrong token."""
        body = await request.body()
        self.asked.append((request.method, request.url.path, json.loads(body) if body else None))
        if self.trouble:
            status = self.trouble.pop(0)
            return _error(status, {429: "Too many requests"}.get(status, "Trouble"))
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return _error(401, "Authentication credentials were not provided")
        return None

    async def _jwks(self, _: Request) -> Response:
        self.asked.append(("GET", "jwks", None))
        if self.trouble:
            return _error(self.trouble.pop(0), "Trouble")
        algorithm = jwt.algorithms.RSAAlgorithm
        keys = [algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid} for kid, key in self.keys.items()]
        return JSONResponse({"keys": [each | {"alg": "RS256", "use": "sig"} for each in keys]})

    async def _cost(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        asked = await request.json()
        return JSONResponse({"total_cost": asked["reward"] * asked["total_available_places"] * FEE})

    async def _create(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        study = await request.json()
        codes = [each["code"] for each in study["completion_codes"]]
        if not codes or len(set(codes)) < len(codes):
            return _error(400, "completion_codes: at least one, each once")
        identifier = f"study{len(self.studies) + 1}"
        self.studies[identifier] = study | {"status": "UNPUBLISHED"}
        return JSONResponse(self.studies[identifier] | {"id": identifier}, 201)

    async def _list(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        query = request.query_params
        size, page = int(query.get("page_size", 20)), int(query.get("page", 1))
        rows = [each for each in self.submissions.values() if each["study"] == query["study"]]
        return JSONResponse({"results": rows[(page - 1) * size : page * size]})

    async def _approve(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        for each in (await request.json())["submission_ids"]:
            self.submissions[each]["status"] = "APPROVED"
        return JSONResponse({"message": "The request to bulk approve has been made successfully."})

    async def _transition(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        row = self.submissions.get(request.path_params["id"])
        wish = await request.json()
        if row is None:
            return _error(404, "Not found")
        if wish["action"] == "COMPLETE" and row["status"] not in _FINAL:
            row |= {"status": "SCREENED OUT", "study_code": wish["completion_code"]}
        return JSONResponse(row)

    async def _request_return(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        row = self.submissions[request.path_params["id"]]
        row["return_requested"] = (await request.json())["request_return_reasons"]
        return JSONResponse(row)

    async def _secret(self, request: Request) -> Response:
        return await self._refusal(request) or JSONResponse({"id": "s1", "value": WEBHOOK_SECRET}, 201)

    async def _subscribe(self, request: Request) -> Response:
        headers = {"X-Hook-Secret": "confirm-me"}
        return await self._refusal(request) or JSONResponse({"id": "hook1"}, 201, headers=headers)

    async def _confirm(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        right = (await request.json())["secret"] == "confirm-me"
        return JSONResponse({"is_enabled": True}) if right else _error(400, "wrong secret")


def call(submission: str, status: str, event: str, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> Any:
    """Body and headers of a call about a submission, as Prolific makes it."""
    content = {"resource_id": submission, "event_type": "submission.status.change", "participant_id": "p"}
    body = json.dumps(content | {"status": status}).encode()
    timestamp = str(int(time.time() if at is None else at))
    headers = {TIMESTAMP: timestamp, SIGNATURE: signature(secret, timestamp, body), EVENT: event}
    return {"content": body, "headers": headers}


@contextmanager
def running() -> Iterator[ProlificServer]:
    """A server that listens while the block runs."""
    state = ProlificServer()
    config = uvicorn.Config(state.app(), port=state.port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "Prolific of the tests did not start"
        time.sleep(0.01)
    yield state
    server.should_exit = True
    thread.join(20)


def _error(status: int, title: str) -> Response:
    headers = {"Retry-After": "7"} if status == 429 else None
    error = {"status": status, "error_code": status * 100, "title": title, "detail": "by order of the tests"}
    return JSONResponse({"error": error}, status, headers=headers)
