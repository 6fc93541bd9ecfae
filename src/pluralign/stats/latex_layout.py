"""How wide a table is on a page of LaTeX's `article`, and what to do where it is wider than a line.

Estimated from the widths of Computer Modern's letters; a table that fits by estimate may be some points too wide, which
the margin takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

LINE = 345.0
"""Points of a line of `article` on A4 or letter paper, in print of ten points."""

_SMALL = 0.85
"""`footnotesize`, compared with print of ten points."""

_GAP, _SMALL_GAP = 12.0, 6.0
"""Points between two columns, and what small print has there."""

_LEAST = 90.0
"""Points of the narrowest column of long text."""

_KEYS = 0.45
"""Share of a line that the columns repeated in every part of a divided table may take."""

_NARROW, _WIDE = frozenset("ijlftr.,:;'|!()[] "), frozenset("mwMW%−±×≤≥≠≈→∞√@")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is to be set.

    ``text``: whether it holds text, not numbers; ``long``: whether its cells are broken into lines.
    """

    title: str
    cells: tuple[str, ...]
    text: bool
    long: bool

    @property
    def title_lines(self) -> tuple[str, ...]:
        """The title, in lines no wider than the widest cell or the longest word."""
        lines: list[str] = []
        room = max(map(text_width, self.cells), default=0.0)
        for word in self.title.split():
            if lines and text_width(f"{lines[-1]} {word}") <= max(room, *map(text_width, self.title.split())):
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return tuple(lines)

    def width(self, *, broken_title: bool) -> float:
        """Points in print of ten points; of long text the least."""
        if self.long:
            return _LEAST
        title = self.title_lines if broken_title else (self.title,)
        return max(map(text_width, (*title, *self.cells)), default=0.0)


@dataclass(frozen=True, slots=True)
class Layout:
    """Parts of a table, each a list of columns that fit beside each other; ``room``: points left for long text."""

    parts: tuple[tuple[Column, ...], ...]
    small: bool
    room: tuple[float, ...]


def text_width(text: str) -> float:
    """Points of a text in print of ten points, estimated."""
    return sum(3.3 if each in _NARROW else 8.0 if each in _WIDE else 7.2 if each.isupper() else 5.1 for each in text)


def fits(columns: Sequence[float], *, small: bool = False) -> bool:
    """Whether columns of so many points (in print of ten points) fit beside each other into a line."""
    scale, gap = (_SMALL, _SMALL_GAP) if small else (1.0, _GAP)
    return sum(width * scale + gap for width in columns) <= LINE


def lay_out(columns: Sequence[Column]) -> Layout:
    """Set columns as they are where they fit, else in small print, with text broken into lines, else divided into parts
    below each other.

    Columns that say what a row is about are repeated in every part.
    """
    if fits([each.width(broken_title=False) for each in columns]):
        return Layout((tuple(columns),), False, (_room(columns, small=False),))
    broken = _broken(columns)
    parts = [tuple(broken)] if _fit_small(broken) else _divided(columns)
    return Layout(tuple(parts), True, tuple(_room(part, small=True) for part in parts))


def _broken(columns: Sequence[Column]) -> list[Column]:
    """The columns, with as many of the widest ones of text broken into lines as it takes to fit."""
    found = list(columns)
    wide = [at for at, each in enumerate(found) if each.text and each.width(broken_title=True) > _LEAST]
    for at in sorted(wide, key=lambda at: -found[at].width(broken_title=True)):
        if _fit_small(found):
            break
        found[at] = replace(found[at], long=True)
    return found


def _divided(columns: Sequence[Column]) -> list[tuple[Column, ...]]:
    keys = _keys(columns)
    parts, part = [], list(keys)
    for each in columns:
        if each in keys:
            continue
        if len(part) > len(keys) and not _fit_small([*part, each]):
            parts.append(tuple(part))
            part = list(keys)
        part.append(each)
    return [*parts, tuple(part)]


def _keys(columns: Sequence[Column]) -> list[Column]:
    """Which columns say what a row is about: of those of text before the first other one, each that tells more rows
    apart; without any, the first column."""
    found: list[Column] = []
    apart = 1
    for each in takewhile(lambda column: column.text and not column.long, columns):
        wide = sum(key.width(broken_title=True) * _SMALL + _SMALL_GAP for key in (*found, each))
        told = len(set(zip(*(key.cells for key in (*found, each)), strict=True)))
        if told > apart and wide <= _KEYS * LINE:
            found.append(each)
            apart = told
    return found or [columns[0]]


def _fit_small(columns: Sequence[Column]) -> bool:
    return fits([each.width(broken_title=True) for each in columns], small=True)


def _room(columns: Sequence[Column], *, small: bool) -> float:
    """Points for each column of long text, in the print that is used."""
    scale, gap = (_SMALL, _SMALL_GAP) if small else (1.0, _GAP)
    long = sum(each.long for each in columns)
    fixed = sum(each.width(broken_title=small) * scale for each in columns if not each.long)
    left = LINE - fixed - gap * len(columns)
    return max(left / max(long, 1), _LEAST * scale)
