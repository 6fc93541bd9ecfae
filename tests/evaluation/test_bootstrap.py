"""The crossed bootstrap: point, intervals, missing cells."""

from __future__ import annotations

import numpy as np
import pytest

from pluralign.evaluation.bootstrap import FloatArray, crossed


def difference(a: FloatArray, b: FloatArray) -> FloatArray:
    return a - b


def test_the_value_is_the_mean_over_cells_that_both_have() -> None:
    first = np.array([[2.0, 4.0, np.nan], [3.0, 5.0, 9.0]])
    second = np.array([[1.0, 1.0, 1.0], [1.0, np.nan, 2.0]])
    # Cells of both: 2-1, 4-1, 3-1, 9-2: mean of 1, 3, 2, 7.
    value, low, high = crossed([first, second], difference, seed=0)
    assert value == pytest.approx(13 / 4)
    assert low < value < high


def test_equal_cells_leave_no_doubt() -> None:
    assert crossed([np.full((2, 5), 3.0), np.full((2, 5), 2.0)], difference, seed=0) == (1, 1, 1)


def test_nothing_in_common_gives_no_number() -> None:
    cells = [np.array([[1.0, np.nan]]), np.array([[np.nan, 1.0]])]
    assert np.isnan(crossed(cells, difference, seed=0)).all()


def test_the_same_seed_gives_the_same_interval() -> None:
    cells = [np.random.default_rng(1).normal(size=(3, 8)), np.zeros((3, 8))]
    assert crossed(cells, difference, seed=4) == crossed(cells, difference, seed=4)
    assert crossed(cells, difference, seed=4) != crossed(cells, difference, seed=5)


def test_differences_between_seeds_widen_the_interval_however_many_prompts_there_are() -> None:
    by_seed = np.array([[-1.0], [0.0], [1.0], [0.5], [-0.5]])
    same_prompts = np.zeros((5, 400))
    _, low, high = crossed([by_seed + same_prompts, same_prompts], difference, seed=0)
    # The standard error of the mean of five seeds with these values is 0.32.
    assert high - low == pytest.approx(2 * 1.96 * 0.316, rel=0.15)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(7)
    covered = 0
    for trial in range(120):
        seeds, prompts = generator.normal(0, 0.3, size=(8, 1)), generator.normal(0, 0.5, size=(1, 25))
        cells = seeds + prompts + generator.normal(0, 0.5, size=(8, 25))
        _, low, high = crossed([cells, np.zeros_like(cells)], difference, seed=trial)
        covered += low <= 0 <= high
    assert 0.85 <= covered / 120 <= 1
