"""How far the raters of one item disagree: the distribution of its ratings in two numbers.

``entropy``: Shannon's entropy of the shares of the scale's points over its largest possible value: 0 where all agree, 1
where every point is equally frequent. ``polarisation``: Leik's ordinal dispersion, which knows the order of the points:
0 where all agree, 1 where half of the raters are at either end. Two neighbouring points shared evenly have a high
entropy and a low polarisation.

Source of the second: Leik (1966), A measure of ordinal consensus, Pacific Sociological Review 9.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.stats.descriptives import dimensions_of
from pluralign.stats.labels import Labels

FloatArray = NDArray[np.float64]

SUMMARY_COLUMNS = (
    *("dimension", "dimension_label", "items", "ratings_per_item", "entropy", "polarisation", "unanimous"),
    *("contested", "most_contested"),
)
CONTESTED = 0.5
"""Polarisation from which an item counts as contested: that of ratings spread evenly over a scale is slightly above."""

FEWEST = 2
"""Ratings below which an item cannot show disagreement."""


def disagreement_by_item(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """One row per item and dimension with at least two ratings.

    Columns ``item, dimension, dimension_label, ratings, n_1 … n_K`` (ratings at each point of the scale), ``mean, sd,
    entropy, polarisation``.
    """
    points = labels.study.points
    tables = []
    for dimension in dimensions_of(ratings, labels.study):
        part = ratings[ratings["dimension"] == dimension]
        items, unit = np.unique(part["item"].to_numpy(dtype=object), return_inverse=True)
        counts = np.zeros((len(items), points))
        np.add.at(counts, (unit, part["value"].to_numpy(dtype=np.int64) - 1), 1)
        seen = counts.sum(axis=1) >= FEWEST
        tables.append(_measures(items[seen], counts[seen], dimension, labels))
    return pd.concat(tables, ignore_index=True)


def disagreement_by_dimension(table: pd.DataFrame) -> pd.DataFrame:
    """One row per dimension from the table of items: means over items, and how many are unanimous or contested.

    Columns ``SUMMARY_COLUMNS``; ``ratings_per_item`` is a median, ``unanimous`` and ``contested`` count items,
    ``most_contested`` names the most polarised one, of equals the one with more ratings.
    """
    rows = []
    for dimension, part in table.groupby("dimension", sort=False):
        top = part.sort_values(["polarisation", "ratings", "item"], ascending=[False, False, True]).iloc[0]
        rows.append(
            {
                "dimension": dimension,
                "dimension_label": part["dimension_label"].iloc[0],
                "items": len(part),
                "ratings_per_item": part["ratings"].median(),
                "entropy": part["entropy"].mean(),
                "polarisation": part["polarisation"].mean(),
                "unanimous": int((part["entropy"] == 0).sum()),
                "contested": int((part["polarisation"] >= CONTESTED).sum()),
                "most_contested": top["item"],
            }
        )
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def entropy(counts: FloatArray) -> FloatArray:
    """Entropy of rows of counts, (n, K) to (n,), over its maximum log K."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    # The largest entropy cannot be exceeded but by rounding, and zero is not negative.
    bounded: FloatArray = np.clip(-(shares * logs).sum(axis=1) / np.log(counts.shape[1]), 0.0, 1.0)
    return bounded


def polarisation(counts: FloatArray) -> FloatArray:
    """Leik's ordinal dispersion of rows of counts, (n, K) to (n,)."""
    cumulative = np.cumsum(counts, axis=1)[:, :-1] / counts.sum(axis=1, keepdims=True)
    distance: FloatArray = 2 * np.minimum(cumulative, 1 - cumulative).sum(axis=1) / (counts.shape[1] - 1)
    return distance


def _measures(items: NDArray[np.object_], counts: FloatArray, dimension: str, labels: Labels) -> pd.DataFrame:
    number = counts.sum(axis=1)
    values = np.arange(1, counts.shape[1] + 1)
    mean = counts @ values / number if len(items) else np.empty(0)
    squares = (counts * (values - mean[:, None]) ** 2).sum(axis=1)
    return pd.DataFrame(
        {
            "item": items,
            "dimension": dimension,
            "dimension_label": labels.dimension(dimension),
            "ratings": number.astype(int),
            **{f"n_{value}": counts[:, value - 1].astype(int) for value in values},
            "mean": mean,
            "sd": np.sqrt(squares / (number - 1)),
            "entropy": entropy(counts),
            "polarisation": polarisation(counts),
        }
    )
