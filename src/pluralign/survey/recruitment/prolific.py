"""Prolific's API, as far as a survey needs it (docs.prolific.com, "API reference"). Amounts are in pence or cents."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from pluralign.errors import ConfigError, PluralignError
from pluralign.survey.recruitment.access import TOKEN, Access

_ATTEMPTS = 6
_LONGEST_WAIT = 60.0
_PAGE = 100
_AT_ONCE = 500
_TIMEOUT = 30


class ProlificError(PluralignError):
    """Raised when Prolific does not answer or refuses a request."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One person's way through a study, as Prolific sees it."""

    submission: str
    person: str
    status: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Prolific:
    """A client. Waits longer and longer while Prolific asks for patience (429) or is out of order (5xx)."""

    token: str = field(repr=False)
    address: str = "https://api.prolific.com"
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, access: Access) -> Prolific:
        """The client of a survey; ConfigError where it has no token."""
        if access.token is None:
            raise ConfigError(
                f"There is no token for Prolific's API. Make one on Prolific (Settings, API tokens) and set {TOKEN}."
            )
        return cls(access.token, access.address)

    def cost(self, reward: int, places: int) -> int:
        """What a study costs in all, with Prolific's fee and taxes."""
        answer = self._call("POST", "/study-cost-calculator/", {"reward": reward, "total_available_places": places})
        return round(float(answer["total_cost"]))

    def create(self, draft: Mapping[str, Any]) -> str:
        """Create a study as a draft, which nobody sees and which costs nothing till published; returns its id."""
        # Repeated after an answer that got lost, this would make a second draft.
        return str(self._call("POST", "/studies/", draft, repeatable=False)["id"])

    def submissions(self, study: str) -> list[Submission]:
        """All submissions of a study."""
        found: list[Submission] = []
        page = 1
        while True:
            query = {"study": study, "page": page, "page_size": _PAGE}
            rows = self._call("GET", "/submissions/", query=query)["results"]
            found += [_submission(row) for row in rows]
            if len(rows) < _PAGE:
                return found
            page += 1

    def approve(self, submissions: Sequence[str]) -> None:
        """Approve submissions, so that people are paid; approving twice is approving once."""
        for start in range(0, len(submissions), _AT_ONCE):
            self._send("POST", "/submissions/bulk-approve/", {"submission_ids": submissions[start : start + _AT_ONCE]})

    def ask_to_return(self, submission: str, reasons: Sequence[str]) -> None:
        """Ask somebody to return a submission; they may decline."""
        self._send("POST", f"/submissions/{submission}/request-return/", {"request_return_reasons": list(reasons)})

    def screen_out(self, submission: str, code: str) -> None:
        """End a submission with the code of a screen-out, so that the person is paid for coming."""
        self._send("POST", f"/submissions/{submission}/transition/", {"action": "COMPLETE", "completion_code": code})

    def subscribe(self, workspace: str, url: str) -> str:
        """Have Prolific call ``url`` when a submission changes; returns the secret that signs the calls."""
        secret = self._call("POST", "/hooks/secrets/", {"workspace_id": workspace}, repeatable=False)["value"]
        wish = {"workspace_id": workspace, "event_type": "submission.status.change", "target_url": url}
        answer = self._send("POST", "/hooks/subscriptions/", wish, repeatable=False)
        proof = {"secret": answer.headers.get("X-Hook-Secret", "")}
        self._send("POST", f"/hooks/subscriptions/{answer.json()['id']}/", proof)
        return str(secret)

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> Any:
        return self._send(method, path, body, query, repeatable=repeatable).json()

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> httpx2.Response:
        headers = {"Authorization": f"Token {self.token}"}
        url = f"{self.address}/api/v1{path}"
        for attempt in range(_ATTEMPTS):
            try:
                answer = httpx2.request(method, url, json=body, params=query, headers=headers, timeout=_TIMEOUT)
            except httpx2.TransportError as error:
                if attempt == _ATTEMPTS - 1 or not (repeatable or isinstance(error, httpx2.ConnectError)):
                    raise ProlificError(
                        f"{self.address} does not answer ({type(error).__name__}). Try again later."
                    ) from error
                self.sleep(_wait(attempt, None))
                continue
            if answer.is_success:
                return answer
            again = answer.status_code == 429 or (answer.status_code >= 500 and repeatable)
            if attempt == _ATTEMPTS - 1 or not again:
                raise ProlificError(_refusal(answer, f"{method} {path}"))
            self.sleep(_wait(attempt, answer.headers.get("Retry-After")))
        raise AssertionError("unreachable")


def _submission(row: Mapping[str, Any]) -> Submission:
    return Submission(row["id"], row["participant_id"], row["status"], row.get("study_code"))


def _wait(attempt: int, asked: str | None) -> float:
    """Seconds before the next attempt: what Prolific asks for, else twice as long each time, with some chance in it."""
    if asked is not None and asked.isdigit():
        return min(float(asked), _LONGEST_WAIT)
    return min(2.0**attempt, _LONGEST_WAIT) * random.uniform(0.5, 1.0)


def _refusal(answer: httpx2.Response, what: str) -> str:
    if answer.status_code == 401:
        return f"Prolific does not accept the token ({what}). Make a new one on Prolific and set {TOKEN}."
    try:
        error = answer.json()["error"]
        said = f"{error.get('title', '')}: {error.get('detail', '')}"
    except (ValueError, KeyError, TypeError, AttributeError):
        said = "no explanation"
    return f"Prolific refuses {what} with {answer.status_code} ({said})."
