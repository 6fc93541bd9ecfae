"""Rows of tables as dictionaries."""

from __future__ import annotations

from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary per row, by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
