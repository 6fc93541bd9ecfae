"""Rows on their way in: what is wrong with one is an error that names its line, or is left out and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.errors import SchemaError


class Rows:
    """The rows of one file that are still good, and the counts by reason of those that are not.

    ``frame`` is indexed by line. With ``drop_invalid`` wrong rows are left out; otherwise the first one raises
    SchemaError.
    """

    def __init__(self, frame: pd.DataFrame, path: Path, drop_invalid: bool) -> None:
        self.frame = frame
        self.dropped: dict[str, int] = {}
        self._path = path
        self._drop_invalid = drop_invalid

    def leave_out(self, wrong: pd.Series[bool], reason: str) -> None:
        """Leave out rows that are not wrong but cannot be used."""
        count = int(wrong.sum())
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count
            self.frame = self.frame[~wrong.to_numpy()]

    def refuse(self, wrong: pd.Series[bool], reason: str, sentence: Callable[[Any], str]) -> None:
        """Raise SchemaError with ``sentence`` about the first wrong row, or leave all of them out."""
        if wrong.any() and not self._drop_invalid:
            position = int(wrong.to_numpy().argmax())
            others = int(wrong.sum()) - 1
            more = f" So it is in {others} more row{'s' if others > 1 else ''}." if others else ""
            raise SchemaError(
                f"{self._path}, line {self.frame.index[position]}: {sentence(self.frame.iloc[position])}.{more} "
                "Correct the file, or pass --drop-invalid to leave out and count such rows."
            )
        self.leave_out(wrong, reason)

    def filled(self, columns: Sequence[str]) -> None:
        """Refuse rows with an empty cell in one of the columns."""
        for column in columns:
            self.refuse(_empty(self.frame[column]), f"without {column}", partial(_emptiness, column=column))

    def with_value(self, column: str) -> None:
        """Leave out rows without a rating: a question not answered is no mistake in the file."""
        self.leave_out(_empty(self.frame[column]), "without a rating")

    def refuse_other_than_numbers(self, column: str, lowest: float) -> None:
        """Refuse rows in which a column holds neither nothing nor a number of at least ``lowest``."""
        self.refuse(
            ~_empty(self.frame[column]) & ~(numbers(self.frame[column]) >= lowest),
            f"{column} not a number of at least {lowest:g}",
            lambda row: f"{column} is {row[column]!r}; expected is a number of at least {lowest:g}",
        )

    def on_scale(self, column: str, points: int, labels: Mapping[str, int] | None) -> pd.Series[int]:
        """The ratings as 1 to ``points``; rows with anything else are refused."""

        def values() -> pd.Series[Any]:
            if labels is not None:
                return self.frame[column].str.strip().map(labels)
            return numbers(self.frame[column])

        allowed = ", ".join(labels) if labels else f"1 to {points}"
        self.refuse(
            ~values().isin(range(1, points + 1)),
            "outside the scale",
            lambda row: f"the rating on {row['dimension']} is {row[column]!r}; allowed are {allowed}",
        )
        return values().astype(int)

    def constant(self, key: str, columns: Sequence[str], what: str) -> None:
        """Refuse rows that say otherwise than the first row of the same ``key``."""
        for column in columns:
            first = self.frame.groupby(key, sort=False)[column].transform("first")
            self.refuse(
                self.frame[column] != first,
                f"contradicting {what}",
                partial(_contradiction, key=key, column=column, what=what, first=first),
            )

    def unique(self, key: Sequence[str]) -> None:
        """Refuse rows that repeat the key of an earlier one; the first is kept."""
        self.refuse(
            self.frame.duplicated(list(key)),
            "rated twice",
            lambda row: "there is already a rating of " + ", ".join(f"{name} {row[name]}" for name in key),
        )


def _emptiness(_row: Any, *, column: str) -> str:
    return f"{column} is empty"


def _contradiction(row: Any, *, key: str, column: str, what: str, first: pd.Series[Any]) -> str:
    return f"{what} {row[key]} has {column} {_short(row[column])}, but {_short(first[row.name])} before"


def _empty(values: pd.Series[Any]) -> pd.Series[bool]:
    return values.isna() | (values.astype(str).str.strip() == "")


def numbers(values: pd.Series[Any]) -> pd.Series[float]:
    """A column of text as numbers, null where it holds something else."""
    return pd.to_numeric(values.astype(str).str.strip(), errors="coerce").astype(float)


def _short(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "…")
