"""Intervals for means over seeds and prompts, when both are samples of what might have been."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DRAWS = 2000
LEVEL = 0.95


def crossed(cells: Sequence[FloatArray], statistic: Callable[..., FloatArray], seed: int) -> tuple[float, float, float]:
    """``statistic`` of the means of ``cells`` with its interval: (value, low, high); NaN where no cell is filled.

    ``cells`` are matrices of one shape (seeds, prompts), NaN where there is nothing; a cell counts only if all matrices
    have it. Seeds and prompts are drawn with replacement, independently of each other; a draw's mean weighs a cell by
    how often its seed times how often its prompt was drawn. The interval runs between percentiles of DRAWS draws.
    Resampling both keeps responses to one prompt, or of one tuned model, from counting as independent (Owen 2007, The
    pigeonhole bootstrap). ``statistic`` takes as many arrays of means as there are matrices and works elementwise.
    """
    filled = np.logical_and.reduce([np.isfinite(cell) for cell in cells])
    if not filled.any():
        return (np.nan, np.nan, np.nan)
    values = [np.where(filled, cell, 0.0) for cell in cells]
    point = statistic(*(np.atleast_1d(value.sum() / filled.sum()) for value in values))
    generator = np.random.default_rng(seed)
    by_seed, by_prompt = (_drawn(generator, size) for size in filled.shape)
    number = np.einsum("bs,sp,bp->b", by_seed, filled.astype(float), by_prompt)
    usable = number > 0
    means = [np.einsum("bs,sp,bp->b", by_seed, value, by_prompt)[usable] / number[usable] for value in values]
    low, high = interval(statistic(*means))
    return (float(point[0]), low, high)


def interval(draws: FloatArray) -> tuple[float, float]:
    """Percentile interval of LEVEL of the draws that are numbers; NaN where there are none."""
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return (np.nan, np.nan)
    low, high = np.percentile(draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return (float(low), float(high))


def _drawn(generator: np.random.Generator, size: int) -> FloatArray:
    """How often each of ``size`` units is drawn in each of DRAWS samples of that size, (DRAWS, size)."""
    return generator.multinomial(size, np.full(size, 1 / size), size=DRAWS).astype(float)
