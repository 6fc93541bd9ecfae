"""Agreement of judge and people: measures against known values, verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pluralign.evaluation.agreement import MEANING, ceiling, verdict_of
from pluralign.evaluation.ratings import RatedTexts


def rated(counts: list[list[float]]) -> RatedTexts:
    texts = pd.DataFrame({"item": range(len(counts)), "prompt": "p", "language": "en", "text": "t"})
    return RatedTexts("d", texts, np.array(counts, dtype=float), 1, 1)


def test_the_ceiling_is_the_root_of_the_reliability_of_means() -> None:
    # Two ratings each; within texts the squares add up to 0.5 + 0.5 + 0.5 with 3 degrees of freedom: 0.5. Means 1.5,
    # 3.5, 2.5 vary with 1. Reliability 1 - (0.5 / 2) / 1 = 0.75.
    counts = [[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]]
    assert ceiling(rated([[float(n) for n in row] for row in counts])) == pytest.approx(0.75**0.5)


def test_one_rating_per_text_says_nothing_of_the_ceiling() -> None:
    assert np.isnan(ceiling(rated([[1, 0], [0, 1]])))


@pytest.mark.parametrize(
    ("value", "low", "gain", "verdict"),
    [
        (0.7, 0.5, 0.1, "good"),
        (0.7, 0.2, 0.1, "fair"),
        (0.4, 0.35, 0.1, "fair"),
        (0.4, -0.01, 0.1, "poor"),
        (0.7, 0.5, -0.01, "poor"),
        (float("nan"), float("nan"), 0.0, "poor"),
    ],
)
def test_a_judge_is_trusted_only_where_it_follows_people(value: float, low: float, gain: float, verdict: str) -> None:
    assert verdict_of(value, low, gain) == verdict
    assert MEANING[verdict]
