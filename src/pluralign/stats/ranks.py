"""Measures of agreement by ranks, for many resamples at once.

A resample is given by how often it holds each value: ``times`` (draws, n). Ranks in it follow from one sorting of the
values and running sums, so that a thousand resamples cost little more than a few.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Numbers held at a time, over all resamples.
_AT_ONCE = 2_000_000


def spearman(first: FloatArray, second: FloatArray, times: FloatArray | None = None) -> FloatArray:
    """Spearman's rank correlation of two series (n,) in every resample, (draws,); NaN where one does not vary in it.

    Without ``times``, of the series themselves, (1,).
    """
    times = _once(first) if times is None else times
    a, b = (_centred(ranks(values, times), times) for values in (first, second))
    spread = np.sqrt(_mean(a**2, times) * _mean(b**2, times))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.where(spread > 0, _mean(a * b, times) / spread, np.nan)
    return found


def ordinal_alpha(first: FloatArray, second: FloatArray, times: FloatArray | None = None) -> FloatArray:
    """Krippendorff's alpha for two observers and ordinal values in every resample, (draws,); NaN where all values are
    equal in it. Without ``times``, of the series themselves, (1,).

    The ordinal difference of two values is that of their mid-ranks among all values of both observers (Krippendorff
    2019, chapter 12), so that with nothing missing alpha is one minus the mean squared difference of ranks within texts
    over that between any two values.
    """
    times = _once(first) if times is None else times
    both = np.hstack([times, times])
    placed = ranks(np.concatenate([first, second]), both)
    number = both.sum(axis=1)
    expected = 2 * _mean(_centred(placed, both) ** 2, both) * number / (number - 1)
    observed = _mean((placed[:, : len(first)] - placed[:, len(first) :]) ** 2, times)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.where(expected > 0, 1 - observed / expected, np.nan)
    return found


def ranks(values: FloatArray, times: FloatArray) -> FloatArray:
    """Mid-ranks of ``values`` (n,) in every resample, (draws, n), also of values that a resample does not hold."""
    unique, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    begins = np.searchsorted(place[order], np.arange(len(unique)))
    of_value = np.add.reduceat(times[:, order], begins, axis=1)
    middle: FloatArray = np.cumsum(of_value, axis=1) - (of_value - 1) / 2
    return middle[:, place]


def resampled(
    groups: NDArray[np.int64], number: int, seed: int, measures: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """``measures`` of ``number`` resamples, (number, k): groups are drawn with replacement, each with all its members.

    ``groups`` (n,) numbers the group of each value from 0; ``measures`` gives (draws, k) for ``times`` (draws, n).
    """
    count = int(groups.max()) + 1
    generator = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(groups))
    parts = []
    for begin in range(0, number, step):
        drawn = generator.integers(count, size=(min(step, number - begin), count))
        of_group = np.apply_along_axis(np.bincount, 1, drawn, minlength=count)
        parts.append(measures(of_group[:, groups].astype(np.float64)))
    return np.concatenate(parts)


def _once(values: FloatArray) -> FloatArray:
    return np.ones((1, len(values)))


def _mean(values: FloatArray, times: FloatArray) -> FloatArray:
    found: FloatArray = (values * times).sum(axis=1) / times.sum(axis=1)
    return found


def _centred(values: FloatArray, times: FloatArray) -> FloatArray:
    return values - _mean(values, times)[:, None]
