"""How far raters agree with each other: Krippendorff's alpha per dimension."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd

from pluralign.stats.descriptives import dimensions_of
from pluralign.stats.labels import Labels


def krippendorff_alpha(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Krippendorff's alpha for ordinal values, one row per dimension.

    Columns ``dimension, dimension_label, alpha, items, raters, ratings, note``. Only items with at least two ratings
    can show agreement; ``items``, ``raters`` and ``ratings`` count those. 1 is perfect agreement, 0 what chance would
    give. Where it cannot be computed, alpha is missing and ``note`` says why.

    Method: Krippendorff, Content Analysis (4th ed. 2019), chapter 12, as computed by the library ``krippendorff``.
    """
    rows = []
    for dimension in dimensions_of(ratings, labels.study):
        part = ratings[ratings["dimension"] == dimension]
        part = part[part.groupby("item")["rater"].transform("size") >= 2]
        alpha, note = _alpha(part, labels.study.points)
        rows.append(
            {
                "dimension": dimension,
                "dimension_label": labels.dimension(dimension),
                "alpha": alpha,
                "items": part["item"].nunique(),
                "raters": part["rater"].nunique(),
                "ratings": len(part),
                "note": note,
            }
        )
    return pd.DataFrame(rows)


def _alpha(part: pd.DataFrame, points: int) -> tuple[float, str]:
    if part.empty:
        return float("nan"), "no item has ratings of two raters"
    items, unit = np.unique(part["item"].to_numpy(dtype=object), return_inverse=True)
    counts = np.zeros((len(items), points), dtype=np.int64)
    np.add.at(counts, (unit, part["value"].to_numpy(dtype=np.int64) - 1), 1)
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return float("nan"), "all ratings are equal"
    domain = np.arange(1, points + 1)
    value = krippendorff.alpha(value_counts=counts, value_domain=domain, level_of_measurement="ordinal")
    return float(value), ""
