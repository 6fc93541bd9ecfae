"""Fixtures for the tests of the evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.evaluation import evaluate
from tests.evaluation.examples import Finished, finished_study


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Finished:
    """A small study whose models have been evaluated; copy it before changing anything in it."""
    folder, study = finished_study(tmp_path_factory.mktemp("studies") / "evaluated", tiny)
    evaluate(folder, study)
    return folder, study
