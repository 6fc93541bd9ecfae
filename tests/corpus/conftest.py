"""Fixtures for the tests of corpora."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_models import tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model."""
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")
