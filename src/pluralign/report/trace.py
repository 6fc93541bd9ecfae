"""Where every number of the report comes from: the page is written again, and each number it prints is looked up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pluralign.report import page
from pluralign.report.numbers import MISSING, Numbers
from pluralign.report.sources import Sources

COLUMNS = ("section", "printed", "value", "how", "file", "row", "column", "candidates")
"""``how`` is ``cell`` (the value stands in the table), ``percent`` (as a share), ``size`` (below zero, and printed
without its sign, as in "26% lower"), ``rows`` (a number of rows), ``sum`` or ``median`` (of a column, the median of its
sizes), ``share`` (of rows that a manifest counts, in per cent), ``manifest`` (such rows), ``setting`` (the study file),
``bound`` (below the least p that is printed) or ``unknown``. ``candidates`` counts the places of that kind that hold
the same value among the tables of the section.
"""

_CLOSE = 1e-9
_TEXTS_OF_A_ROW = 6
_RATERS = "data/raters.parquet"
_ROUND = "evaluation/rounds/{}/differences.csv"


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as the page prints it, with its value in full and the section it stands in."""

    section: str
    text: str
    value: float
    bound: bool = False


@dataclass(frozen=True, slots=True)
class _Recorder(Numbers):
    """Formats numbers as `Numbers` does, and keeps them."""

    printed: list[Printed] = field(default_factory=list)
    section: list[str] = field(default_factory=lambda: [""])

    def count(self, value: Any) -> str:
        """A whole number."""
        return self._keep(Numbers.count(self, value), value)

    def decimal(self, value: Any, digits: int = 2) -> str:
        """A number with ``digits`` decimals."""
        return self._keep(Numbers.decimal(self, value, digits), value)

    def p(self, value: Any) -> str:
        """A p value with three decimals, or that it is smaller."""
        text = Numbers(self.language).p(value)
        return self._keep(text, value, bound=text.startswith("<"))

    def _keep(self, text: str, value: Any, *, bound: bool = False) -> str:
        if text != MISSING and math.isfinite(value):
            self.printed.append(Printed(self.section[-1], text, float(value), bound))
        return text


class _Watched(dict[str, pd.DataFrame]):
    """Tables by name that note which of them were asked for."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], place: str, used: set[str]) -> None:
        super().__init__(tables)
        self._place, self._used = place, used

    def __getitem__(self, name: str) -> pd.DataFrame:
        self._used.add(f"{self._place}/{name}.csv")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """As of any dictionary."""
        self._used.add(f"{self._place}/{name}.csv")
        return super().get(name, default)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Numbers of one table: ``values`` (n,) with their row and column."""

    file: str
    frame: pd.DataFrame
    values: np.ndarray[Any, np.dtype[np.float64]]
    rows: np.ndarray[Any, np.dtype[np.intp]]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, file: str, frame: pd.DataFrame) -> _Cells:
        """All numbers of a table; switches are no numbers."""
        numbers = frame.select_dtypes("number")
        values = numbers.to_numpy(dtype=float).ravel()
        rows, places = np.divmod(np.arange(values.size), max(numbers.shape[1], 1))
        return cls(file, frame, values, rows, tuple(str(numbers.columns[place]) for place in places))

    def find(self, value: float) -> Iterator[dict[str, object]]:
        """The cells that hold ``value``."""
        close = np.abs(self.values - value) <= _CLOSE * max(1.0, abs(value))
        for place in np.flatnonzero(close):
            row = self.frame.iloc[int(self.rows[place])]
            yield {"file": self.file, "row": _named(row), "column": self.columns[place]}


def trace(sources: Sources) -> pd.DataFrame:
    """A row of `COLUMNS` for every number that the page prints, in the order in which it is written.

    Numbers in drawings are those of the table beside them. Raises what writing the page raises.
    """
    printed, used = _printed(sources)
    tables = {file: _Cells.of(file, frame) for file, frame in _tables(sources).items()}
    lines = []
    for number in printed:
        near = [tables[file] for file in sorted(used[number.section]) if file in tables]
        lines.append(_origin(number, near, list(tables.values()), sources))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def matching(traced: pd.DataFrame, text: str) -> pd.DataFrame:
    """The rows of `trace` that print ``text``; sign, spaces and per cent sign do not matter."""
    return traced.loc[traced["printed"].map(_bare) == _bare(text)]


def _printed(sources: Sources) -> tuple[list[Printed], dict[str, set[str]]]:
    """Numbers of the page in order, and the tables that each section asked for."""
    recorder, used = _Recorder(sources.numbers.language), set[str]()
    watched = replace(
        sources,
        numbers=recorder,
        analysis=_Watched(sources.analysis, "analysis", used),
        evaluation=_Watched(sources.evaluation, "evaluation", used),
    )
    asked: dict[str, set[str]] = {}
    for name, write in page.parts(sources):
        recorder.section.append(name)
        used.clear()
        write(watched)
        asked[name] = used | {"preferences/summary.csv", "preferences/problems.csv", _RATERS, *sources.runs}
    return recorder.printed, asked


def _tables(sources: Sources) -> dict[str, pd.DataFrame]:
    tables = {f"analysis/{name}.csv": frame for name, frame in sources.analysis.items()}
    tables |= {f"evaluation/{name}.csv": frame for name, frame in sources.evaluation.items()}
    raters = None if sources.feedback is None else sources.feedback.raters
    more = {"preferences/summary.csv": sources.preferences, "preferences/problems.csv": sources.problems}
    more |= {_RATERS: raters, **sources.runs}
    if sources.rounds is not None:
        more |= {_ROUND.format(name): rows for name, rows in sources.rounds.groupby("round")}
    return tables | {name: frame for name, frame in more.items() if frame is not None}


def _origin(number: Printed, near: list[_Cells], everywhere: list[_Cells], sources: Sources) -> dict[str, object]:
    line: dict[str, object] = {"section": number.section, "printed": number.text, "value": number.value}
    line |= {"file": "", "row": "", "column": "", "candidates": 0}
    for how, found in _searches(number.value, near, everywhere, sources):
        places = list(found)
        if places:
            return {**line, "how": "bound" if number.bound else how, **places[0], "candidates": len(places)}
    return {**line, "how": "unknown"}


def _searches(
    value: float, near: list[_Cells], everywhere: list[_Cells], sources: Sources
) -> Iterator[tuple[str, Iterable[dict[str, object]]]]:
    """Where a value may come from, the likeliest first."""
    for tables in (near, everywhere):
        yield "cell", (place for cells in tables for place in cells.find(value))
        yield "percent", (place for cells in tables for place in cells.find(value / 100))
        yield "size", (place for cells in tables for place in cells.find(-value))
    yield "manifest", _in_manifests(value, sources)
    yield "setting", _in_settings(value, sources)
    for tables in (near, everywhere):
        yield "rows", (place for cells in tables for place in _row_counts(cells, value))
        yield "sum", (place for cells in tables for place in _totals(cells, value, "sum"))
        yield "median", (place for cells in tables for place in _totals(cells, value, "median"))
    yield "share", _shares(value, sources)


def _in_manifests(value: float, sources: Sources) -> Iterator[dict[str, object]]:
    for name, manifest in sources.manifests.items():
        counts = {"rows_in": manifest.rows_in, "rows_out": manifest.rows_out, **manifest.dropped}
        for column, count in counts.items():
            if count == value:
                yield {"file": name, "row": "manifest", "column": column}


def _in_settings(value: float, sources: Sources) -> Iterator[dict[str, object]]:
    settings = sources.study.model_dump(mode="json", exclude_none=True)
    for path, setting in _leaves(settings, ()):
        if not isinstance(setting, bool) and isinstance(setting, int | float) and setting == value:
            yield {"file": sources.folder.study_file.name, "row": "", "column": ".".join(path)}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path, value
        return
    for key, part in parts:
        yield from _leaves(part, (*path, str(key)))


def _row_counts(cells: _Cells, value: float) -> Iterator[dict[str, object]]:
    """The table's length, or how often a text or switch stands in one of its columns."""
    if len(cells.frame) == value:
        yield {"file": cells.file, "row": "all rows", "column": ""}
    for name in cells.frame.columns:
        if str(name) in cells.columns:
            continue
        for text, count in cells.frame[name].value_counts().items():
            if count == value:
                yield {"file": cells.file, "row": f"rows with {name} {text}", "column": str(name)}


def _totals(cells: _Cells, value: float, how: str) -> Iterator[dict[str, object]]:
    """Sums of columns or medians of their sizes, over all rows or those with one text."""
    numbers = cells.frame[list(dict.fromkeys(cells.columns))]
    numbers = numbers.abs() if how == "median" else numbers
    for name, found in numbers.agg(how).items():
        if _equal(found, value):
            yield {"file": cells.file, "row": f"{how} of all rows", "column": str(name)}
    for text in cells.frame.columns.difference(numbers.columns):
        for key, row in numbers.groupby(cells.frame[text]).agg(how).iterrows():
            for name, found in row.items():
                if _equal(found, value):
                    yield {"file": cells.file, "row": f"{how} of rows with {text} {key}", "column": str(name)}


def _shares(value: float, sources: Sources) -> Iterator[dict[str, object]]:
    """Whole numbers of the rows of a table that make ``value`` per cent of it."""
    for name, manifest in sources.manifests.items():
        part = value * manifest.rows_in / 100
        if part > 0.5 and _equal(part, round(part)):
            yield {"file": name, "row": "manifest", "column": f"{round(part)} of rows_in {manifest.rows_in}"}


def _equal(found: float, value: float) -> bool:
    return abs(found - value) <= _CLOSE * max(1.0, abs(value))


def _named(row: pd.Series[Any]) -> str:
    """A row by its texts, as many as make it known."""
    texts = [f"{name} {value}" for name, value in row.items() if isinstance(value, str) and value]
    return ", ".join(texts[:_TEXTS_OF_A_ROW])


def _bare(text: str) -> str:
    return "".join(character for character in text if not character.isspace() and character not in "+%")
