"""Tables as LaTeX that pastes into a paper: tabulars, which need nothing but the package booktabs.

For pdfLaTeX, which knows the letters of European languages; Greek letters and signs of mathematics become its commands.
Anything else in a label needs LuaLaTeX or XeLaTeX.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pluralign.stats.latex_layout import LINE, Column, lay_out

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"$\sim$",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "`": r"\textasciigrave{}",
    '"': r"\char34{}",  # babel takes a plain one for the start of an umlaut
    "[": "{[}",  # after the end of a row, a bracket would be an argument and a star a command
    "]": "{]}",
    "*": "{*}",
    "–": "--",
    "—": "---",
    "−": "$-$",
    "±": r"\textpm{}",
    "×": r"\texttimes{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "²": r"$^2$",
    "³": r"$^3$",
    "…": r"\dots{}",
    "°": r"\textdegree{}",
    "µ": r"$\mu$",
    "\u00a0": "~",
    "\u202f": r"\,",
    "\u2009": r"\,",
}
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi - pi rho - sigma tau upsilon phi chi psi"
)
_SPECIAL |= {chr(0x3B1 + at): rf"$\{name}$" for at, name in enumerate((*_GREEK.split(), "omega")) if name != "-"}
_SPECIAL |= {chr(0x391 + at): rf"$\{name}$" for at, name in ((2, "Gamma"), (3, "Delta"), (7, "Theta"), (10, "Lambda"))}
_SPECIAL |= {chr(0x391 + at): rf"$\{name}$" for at, name in ((18, "Sigma"), (21, "Phi"), (23, "Psi"), (24, "Omega"))}

_NEGATIVE = re.compile(r"-(?=\d)")
_LONG = 30
"""Characters of a column of text above which its cells are set in several lines."""

_CHANCES = ("p", "p_holm")


def escape(text: str) -> str:
    """``text`` as LaTeX that prints it."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def cells(row: Sequence[str], width: int) -> str:
    """A row of a tabular with ``width`` columns; a number below zero gets a minus instead of a hyphen."""
    filled = [*row, *[""] * (width - len(row))]
    return " & ".join(_cell(cell) for cell in filled) + r" \\"


def spanning(text: str, width: int) -> str:
    """A row with small print over all columns."""
    return rf"\multicolumn{{{width}}}{{p{{0.9\linewidth}}}}{{\footnotesize {escape(text)}}} \\"


def frame_to_latex(frame: pd.DataFrame, *, digits: int = 3, notes: Sequence[str] = ()) -> str:
    """A table of results (``anova``, odds, contrasts, an analysis' tables) as a tabular with its column names.

    Numbers have ``digits`` decimals, whole ones none; missing ones are a dash. Columns of long text are broken into
    lines, those without any text are left out. A table too wide for a page is set smaller; one that is still too wide
    is divided into several tabulars below each other, which repeat the columns that say what a row is about. ``notes``
    stand in small print below.
    """
    columns = [
        _column(frame[name], str(name), digits) for name in frame if not len(frame) or not _is_blank(frame[name])
    ]
    layout = lay_out(columns)
    last, lines = len(layout.parts) - 1, list[str]()
    for at, (part, room) in enumerate(zip(layout.parts, layout.room, strict=True)):
        lines += [r"\par\medskip\noindent"] if at else []
        lines += _tabular(part, room / LINE, notes if at == last else (), broken_titles=layout.small)
    return joined(lines, small=layout.small)


def joined(lines: Sequence[str], *, small: bool) -> str:
    """The lines of a table as one text, in small print with narrow gaps if asked for."""
    text = "\n".join(lines)
    return f"{{\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}{text}}}\n" if small else f"{text}\n"


def _tabular(columns: Sequence[Column], share: float, notes: Sequence[str], *, broken_titles: bool) -> list[str]:
    """The lines of one tabular; columns of long text get ``share`` of a line each."""
    lines = [rf"\begin{{tabular}}{{{''.join('l' if each.text else 'r' for each in columns)}}}", r"\toprule"]
    titles = " & ".join(_title(each, broken=broken_titles) for each in columns)
    lines += [rf"{titles} \\", r"\midrule"]
    for row in zip(*(each.cells for each in columns), strict=True):
        broken = (
            rf"\parbox[t]{{{share:.2f}\linewidth}}{{\raggedright {escape(text)}\strut}}" if each.long else _cell(text)
            for text, each in zip(row, columns, strict=True)
        )
        lines.append(" & ".join(broken) + r" \\")
    if notes:
        lines += [r"\midrule", *(spanning(note, len(columns)) for note in notes)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _column(column: pd.Series, name: str, digits: int) -> Column:
    title, cells = name.replace("_", " "), tuple(_texts(column, digits))
    long = _is_text(column) and max(map(len, (title, *cells))) > _LONG
    return Column(title, cells, _is_text(column), long)


def _title(column: Column, *, broken: bool) -> str:
    """A title, its lines above each other where it is broken and wider than what stands below it."""
    lines = column.title_lines if broken and not column.long else (column.title,)
    if len(lines) < 2:
        return escape(column.title)
    side, stacked = "l" if column.text else "r", r"\\".join(map(escape, lines))
    return rf"\shortstack[{side}]{{{stacked}}}"


def _cell(text: str) -> str:
    return "$-$" + escape(text[1:]) if _NEGATIVE.match(text) else escape(text)


def _is_blank(column: pd.Series) -> bool:
    return _is_text(column) and bool((column.fillna("") == "").all())


def _is_text(column: pd.Series) -> bool:
    return column.dtype.kind not in "iufb"


def _texts(column: pd.Series, digits: int) -> list[str]:
    if column.name in _CHANCES and not _is_text(column):
        return ["–" if np.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}" for value in column]
    if column.dtype.kind == "f":
        return ["–" if np.isnan(value) else f"{value:.{digits}f}" for value in column]
    return ["" if pd.isna(value) else str(value) for value in column]
