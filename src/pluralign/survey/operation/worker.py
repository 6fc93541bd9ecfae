"""The server: one process, or several that share the database."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from pluralign.folder import StudyFolder
from pluralign.study import load
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.operation.logs import log_config
from pluralign.survey.serving import read_settings
from pluralign.survey.settings import Settings

# Processes are told what to serve through the environment: they are started afresh and get nothing else.
_VARIABLE = "PLURALIGN_SERVING"
# Seconds that requests under way are given when the server is told to stop.
_GRACE = 30


@dataclass(frozen=True, slots=True)
class Serving:
    """How a survey is served. ``trusted_proxies``: addresses of proxies whose word about a visitor's address counts."""

    root: str
    database_url: str
    host: str
    port: int
    workers: int = 1
    secure: bool = False
    trusted_proxies: str | None = None
    attempts_per_minute: int = 120
    log_level: str = "info"
    traffic_folder: str | None = None


def serve(serving: Serving) -> None:
    """Serve until told to stop (SIGTERM, Ctrl-C); requests under way are finished first."""
    with tempfile.TemporaryDirectory(prefix="pluralign-traffic-") as folder:
        os.environ[_VARIABLE] = json.dumps(asdict(replace(serving, traffic_folder=folder)))
        uvicorn.run(
            f"{__name__}:application",
            factory=True,
            host=serving.host,
            port=serving.port,
            workers=serving.workers,
            log_config=log_config(serving.log_level),
            access_log=False,
            server_header=False,
            proxy_headers=serving.trusted_proxies is not None,
            forwarded_allow_ips=serving.trusted_proxies,
            timeout_graceful_shutdown=_GRACE,
        )


def application() -> Starlette:
    """The application of one process."""
    serving = Serving(**json.loads(os.environ[_VARIABLE]))
    settings = settings_of(serving)
    return create_app(settings, Database.open(settings.database_url))


def settings_of(serving: Serving) -> Settings:
    """The application's settings, read from the study folder and the environment."""
    folder = StudyFolder(Path(serving.root))
    settings = read_settings(folder, load(folder.study_file), serving.database_url)
    return replace(
        settings,
        secure=serving.secure,
        attempts_per_minute=serving.attempts_per_minute,
        traffic_folder=Path(serving.traffic_folder) if serving.traffic_folder else None,
    )
