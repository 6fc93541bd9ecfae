"""The figure of differences between tuned models and their base model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralign.report.rows import records
from pluralign.stats.plotting import ACCENT, INK, MUTED, RULE, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _NAMES, _PANEL, _TOP, _BOTTOM, _LEGEND = 0.24, 1.75, 2.9, 0.1, 0.48, 0.24
"""Inches: height of a line, width of names and of the panel, room above, for the axis, and for the legend."""


def differences_figure(table: pd.DataFrame, axis: str, simulated: str) -> Figure:
    """Differences with intervals, a line per condition under a heading per dimension.

    ``table`` has the columns ``dimension_label, condition, difference, low, high`` and in simulations
    ``true_difference``, drawn as a cross that the legend calls ``simulated``. A filled marker is an interval that
    excludes 0. ``axis`` names the axis.
    """
    from matplotlib.figure import Figure

    lines = _lines(table)
    bottom = _BOTTOM + (_LEGEND if "true_difference" in table else 0)
    height = _TOP + _ROW * len(lines) + bottom
    width = _NAMES + _PANEL
    figure = Figure(figsize=(width, height))
    body = (bottom / height, _ROW * len(lines) / height)
    names = figure.add_axes((0, body[0], _NAMES / width, body[1]))
    panel = figure.add_axes((_NAMES / width, body[0], (_PANEL - 0.1) / width, body[1]), sharey=names)
    names.set_axis_off()
    names.set_ylim(len(lines) - 0.4, -0.6)
    reach = _reach(table)
    panel.set_xlim(-reach, reach)
    panel.axvline(0, color=MUTED, linewidth=0.8, zorder=1)
    for place, (text, row) in enumerate(lines):
        style: dict[str, Any] = {"fontweight": "bold"} if row is None else {}
        names.text(0.02 if row is None else 0.07, place, text, va="center_baseline", fontsize=8.5, color=INK, **style)
        if row is not None:
            panel.axhline(place, color=RULE, linewidth=0.5, zorder=0)
            _draw(panel, place, row)
    bare(panel)
    panel.tick_params(labelleft=False)
    panel.set_xlabel(axis, fontsize=8)
    if "true_difference" in table:
        mark = panel.plot([], [], marker="x", linestyle="", color=INK, markersize=5, label=simulated)
        figure.legend(handles=mark, loc="lower right", borderaxespad=0.0, frameon=False, fontsize=8, handletextpad=0.2)
    return figure


def _lines(table: pd.DataFrame) -> list[tuple[str, dict[str, Any] | None]]:
    lines: list[tuple[str, dict[str, Any] | None]] = []
    for label, part in table.groupby("dimension_label", sort=False):
        lines.append((str(label), None))
        lines += [(str(row["condition"]), row) for row in records(part)]
    return lines


def _reach(table: pd.DataFrame) -> float:
    columns = [name for name in ("difference", "low", "high", "true_difference") if name in table]
    values = np.abs(table[columns].to_numpy(dtype=float))
    found = values[np.isfinite(values)]
    return 1.1 * max(float(found.max()) if found.size else 0.0, 0.1)


def _draw(axes: Axes, place: int, row: dict[str, Any]) -> None:
    if np.isfinite([row["low"], row["high"]]).all():
        axes.plot([row["low"], row["high"]], [place, place], color=ACCENT, linewidth=1.6, zorder=2)
    clear = row["low"] > 0 or row["high"] < 0
    if np.isfinite(row["difference"]):
        axes.plot(
            row["difference"],
            place,
            marker="o",
            markersize=5.5,
            color=ACCENT,
            zorder=3,
            markerfacecolor=ACCENT if clear else "white",
        )
    if np.isfinite(row.get("true_difference", np.nan)):
        axes.plot(row["true_difference"], place, marker="x", markersize=5, color=INK, zorder=4)
