"""Figures: drawn from small tables, in both layouts, in grey and to equal bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pluralign.stats import figures, figures_of_groups, figures_of_items
from pluralign.stats.analysis import Analysis, analyze
from pluralign.stats.plotting import SHADES, house_style, svg
from tests.stats.small import drawn, small_study

Draw = Callable[[Analysis, Any], Any]
DRAWN: dict[str, Draw] = {
    "forest": lambda found, layout: figures.forest(found.coefficients, layout),
    "distribution": lambda found, layout: figures.distributions(found.distribution, layout),
    "probabilities": lambda found, layout: figures_of_groups.probabilities(found.probabilities, layout),
    "example": lambda found, layout: figures_of_groups.example(found.example, layout),
    "disagreement": lambda found, layout: figures_of_items.disagreement(found.disagreement, layout),
    "overlap": lambda found, layout: figures_of_items.overlap(found.overlap, layout),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study") / "analysis"


@pytest.fixture(scope="module")
def analysis(place: Path) -> Analysis:
    return analyze(drawn(seed=1, raters=80), small_study(), place)


@pytest.mark.parametrize("layout", ["wide", "narrow"])
@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_names_its_dimensions_and_keeps_within_its_width(analysis: Analysis, name: str, layout: str) -> None:
    with house_style():
        figure = DRAWN[name](analysis, layout)
        text = svg(figure)
    assert "Toxicity" in text
    assert "Helpfulness" in text
    assert figure.get_size_inches()[0] <= (12 if layout == "wide" else 6)


@pytest.mark.parametrize("name", DRAWN)
def test_texts_of_a_figure_lie_within_it_and_labels_of_one_axis_do_not_touch(analysis: Analysis, name: str) -> None:
    with house_style():
        figure = DRAWN[name](analysis, "wide")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
        edge = figure.bbox
        for axes in figure.axes:
            boxes = [label.get_window_extent(renderer) for label in axes.get_xticklabels() if label.get_text()]
            for left, right in pairwise(boxes):
                assert left.x1 <= right.x0
            for text in (*axes.texts, axes.title, *(axes.get_yticklabels() if axes.axison else ())):
                box = text.get_window_extent(renderer)
                assert box.x0 >= edge.x0 - 1 or not text.get_text()
                assert box.x1 <= edge.x1 + 1 or not text.get_text()


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_saved_for_the_screen_and_for_print(place: Path, analysis: Analysis, name: str) -> None:
    assert analysis.tables()
    assert (place / f"{name}.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert (place / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_shades_keep_their_order_without_colour() -> None:
    """Luminance as of sRGB (IEC 61966-2-1); neighbours differ by enough to be told apart in grey print."""
    luminances = []
    for shade in SHADES:
        channels = np.array([int(shade[at : at + 2], 16) / 255 for at in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        luminances.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    contrasts = [(light + 0.05) / (dark + 0.05) for light, dark in pairwise(luminances)]
    assert min(contrasts) > 1.3


def test_nothing_to_draw_is_no_figure(analysis: Analysis) -> None:
    assert figures_of_groups.probabilities(analysis.probabilities.iloc[:0]) is None
    assert figures_of_groups.example(analysis.example.iloc[:0]) is None
    assert figures_of_items.disagreement(analysis.disagreement.iloc[:0]) is None
    assert figures_of_items.overlap(analysis.overlap.iloc[:0]) is None
