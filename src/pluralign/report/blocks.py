"""What a section of the report is made of. Texts are plain text: the template escapes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Small print."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """Short statements, one below the other."""

    kind: ClassVar[str] = "points"
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that must not be overlooked. ``command`` is what to run next, ``quoted`` a program's own words, which
    are English.
    """

    kind: ClassVar[str] = "notice"
    text: str
    tone: Literal["plain", "warning"] = "plain"
    command: str = ""
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; numbers are set to the right."""

    head: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row. The first cell names it. ``share`` (0 to 100) draws a bar in the last cell."""

    cells: Sequence[str]
    strong: bool = False
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together, under a heading unless it is empty."""

    rows: Sequence[Row]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``note`` is printed below it."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[Column]
    groups: Sequence[Group]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tables:
    """Small tables, side by side where there is room."""

    kind: ClassVar[str] = "tables"
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing as an SVG element. ``alternative`` says what it shows; ``narrow`` is for small screens."""

    kind: ClassVar[str] = "figure"
    caption: str
    alternative: str
    svg: str
    narrow: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be read as it stands, such as settings; ``name`` says what it is."""

    kind: ClassVar[str] = "code"
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What one model answered."""

    model: str
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt with the answers of several models, in ``language``."""

    kind: ClassVar[str] = "sample"
    prompt: str
    replies: Sequence[Reply]
    language: str


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that are shown only when asked for."""

    kind: ClassVar[str] = "details"
    summary: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    text: str


Block = Paragraph | Note | Points | Notice | Table | Tables | Figure | Code | Sample | Details | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report with its heading; ``key`` is its anchor."""

    key: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def table(caption: str, columns: Sequence[Column], rows: Sequence[Row], note: str = "") -> Table:
    """A table without groups."""
    return Table(caption, columns, (Group(rows),), note)
