"""Prolific on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.survey.prolific_server import ProlificServer, running


@pytest.fixture
def prolific() -> Iterator[ProlificServer]:
    with running() as server:
        yield server
