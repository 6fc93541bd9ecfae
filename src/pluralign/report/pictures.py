"""Figures of the analysis as they stand in the page: once for wide and once for narrow screens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pluralign.stats.panels import Layout
from pluralign.stats.plotting import house_style, svg, with_own_ids

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LAYOUTS: tuple[Layout, ...] = ("wide", "narrow")


def both_layouts(draw: Callable[[Layout], Figure | None], name: str) -> tuple[str, ...]:
    """The SVG elements of both layouts; none where there is nothing to draw. ``name`` keeps their ids apart."""
    drawn = []
    with house_style():
        for layout in _LAYOUTS:
            figure = draw(layout)
            if figure is None:
                return ()
            drawn.append(with_own_ids(svg(figure), f"{name}-{layout}"))
    return tuple(drawn)
