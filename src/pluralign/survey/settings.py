"""How a survey is served: where its data are, its secret, what Prolific is told at the end."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pluralign.errors import ConfigError
from pluralign.study import Study
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.operation.erased import ERASED_FILE, Erased
from pluralign.survey.recruitment.access import Access
from pluralign.wording import counted

SECRET_FILE = "survey-secret"
DATABASE_FILE = "survey.db"
METRICS_TOKEN = "PLURALIGN_METRICS_TOKEN"
_SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the web application is made from.

    ``secret`` keys the digests of recruitment ids and of form tokens; it is never in the database. ``codes`` are the
    completion codes by outcome (``finished``, ``screened_out``, ``quota_full``). ``secure``: whether cookies are sent
    over HTTPS only. ``words_folder``: where the study keeps interface texts of languages that pluralign has not.
    ``prolific``: how people come from Prolific; None for a survey that is open to all. ``attempts_per_minute``: how
    often one address on the network may begin or come back in a minute, per server process. ``metrics_token``: what a
    reader of /metrics must present; without one there is no such page. ``traffic_folder``: where the server's processes
    count requests together.
    """

    study: Study
    plan: Plan
    database_url: str
    secret: bytes
    codes: Mapping[str, str] = field(default_factory=dict)
    completion_url: str | None = None
    secure: bool = False
    words_folder: Path | None = None
    prolific: Access | None = None
    attempts_per_minute: int = 120
    metrics_token: str | None = None
    traffic_folder: Path | None = None

    @property
    def erased(self) -> Erased | None:
        """The list of erased people in the study folder; None for a survey that is served without its folder."""
        return Erased(self.words_folder / ERASED_FILE, self.secret) if self.words_folder else None


def read_secret(folder: Path) -> bytes:
    """The survey's secret: from the variable PLURALIGN_SECRET, or from a file in the study folder, made once.

    Raises ConfigError where the secret is too short to be one.
    """
    given = os.environ.get("PLURALIGN_SECRET")
    if given is not None:
        return _checked(given, "PLURALIGN_SECRET")
    path = folder / SECRET_FILE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SHORTEST_SECRET))
    return _checked(path.read_text(encoding="ascii").strip(), str(path))


def _checked(secret: str, where: str) -> bytes:
    if len(secret) < _SHORTEST_SECRET:
        raise ConfigError(
            f"{where}: the secret has {counted(len(secret), 'character')}; at least {_SHORTEST_SECRET} are needed. "
            "Make one with `openssl rand -hex 32`."
        )
    return secret.encode()
