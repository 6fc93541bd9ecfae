"""A real browser, and surveys that it visits. Skipped, saying so, where there is no Chromium or no Playwright."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from pluralign.cli.corpus import import_demo
from pluralign.folder import StudyFolder
from pluralign.study import Study, create, load
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.serving import prepare
from tests.survey.servers import free_port, study_folder

CODE = "BROWSER1"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window. Not kept longer than a module: its event loop would be in the way of other tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser here; Debian's package is `chromium`")
    with playwright.sync_playwright() as playing:
        # Each launch makes a folder of its own for the browser's data and removes it.
        browser = playing.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Site:
    """A survey that is being served."""

    url: str
    study: Study
    database: Database


@contextmanager
def served(folder: StudyFolder, study: Study) -> Iterator[Site]:
    """Serve a study in a thread."""
    settings, database, _ = prepare(folder, study)
    app = create_app(replace(settings, codes={"finished": CODE}), database)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started, "the survey did not start in time"
    yield Site(f"http://127.0.0.1:{port}", study, database)
    server.should_exit = True
    thread.join(30)
    database.close()


@pytest.fixture(scope="module")
def gender_values(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The study of the template, with the demo's prompts and responses."""
    root = tmp_path_factory.mktemp("gender-values") / "study"
    study = load(create(root, "gender-values"))
    folder = StudyFolder(root)
    import_demo(folder)
    with served(folder, study) as site:
        yield site


@pytest.fixture(scope="module")
def with_tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The small study, in which raters also edit the response and write one of their own."""
    root = study_folder(tmp_path_factory.mktemp("tasks") / "study", 4, fielding={"tasks": ["edit", "craft"]})
    with served(StudyFolder(root), load(Path(root) / "study.yaml")) as site:
        yield site
