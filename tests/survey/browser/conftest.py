"""Surveys that a browser visits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pluralign.folder import StudyFolder
from pluralign.study import Study, load
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.serving import prepare
from tests.survey.running import running
from tests.survey.servers import study_folder

CODE = "BROWSER1"


@dataclass(frozen=True, slots=True)
class Site:
    """A survey that is being served."""

    url: str
    study: Study
    database: Database


@contextmanager
def served(root: Path) -> Iterator[Site]:
    """Serve the study of a folder."""
    settings, database, _ = prepare(StudyFolder(root), load(root / "study.yaml"))
    with running(create_app(replace(settings, codes={"finished": CODE}), database)) as url:
        yield Site(url, settings.study, database)
    database.close()


@pytest.fixture(scope="module")
def gender_values(tmp_path_factory: pytest.TempPathFactory, demo_survey: Path) -> Iterator[Site]:
    """The study of the template, with the demo's prompts and responses."""
    with served(shutil.copytree(demo_survey, tmp_path_factory.mktemp("gender-values") / "study")) as site:
        yield site


@pytest.fixture(scope="module")
def with_tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The small study, in which raters also edit the response and write one of their own."""
    with served(
        study_folder(tmp_path_factory.mktemp("tasks") / "study", 4, fielding={"tasks": ["edit", "craft"]})
    ) as site:
        yield site
