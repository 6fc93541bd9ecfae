"""Fixtures for the tests of the evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_models import tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model; copy it before changing anything in it."""
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")
