"""How far raters agree with each other: Krippendorff's alpha per dimension, within groups and between them."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.stats.descriptives import dimensions_of
from pluralign.stats.formula import parse
from pluralign.stats.labels import Labels
from pluralign.study import Demographic

FloatArray = NDArray[np.float64]

GROUP_COLUMNS = (
    *("dimension", "dimension_label", "demographic", "demographic_label", "level", "level_label", "other"),
    *("other_label", "kind", "alpha", "items", "ratings", "pairs"),
)


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
    counts = _counts(part["item"], part["value"], points)
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return float("nan"), "all ratings are equal"
    return _library_alpha(counts), ""


def agreement_by_group(long: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Agreement within every group of raters and between every two groups of a demographic in the study's formula.

    ``long`` is ``Feedback.long_frame()``; the study's merges are applied. Columns ``GROUP_COLUMNS``; ``kind`` is
    ``within`` (``other`` is the level itself) or ``between``. Within a group, alpha is Krippendorff's over its items
    with two ratings or more. Between two groups it is one minus the disagreement of all pairs of ratings of one item,
    one from each group, over that of any two ratings, one from each: 0 is what chance gives, and a value below both
    groups' own says that the groups disagree with each other more than among themselves. ``pairs`` counts the pairs
    of ratings behind it. Where it is not defined alpha is missing.

    Source of the measure between groups: Wong, Paritosh and Aroyo (2021), Cross-replication reliability, ACL; here with
    ordinal distances, every pair of ratings counting the same.
    """
    in_formula = parse(labels.study.analysis.formula).fixed_columns
    asked = [one for one in labels.study.demographics if one.key in in_formula and one.key in long.columns]
    rows = []
    for dimension in dimensions_of(long, labels.study):
        part = long[long["dimension"] == dimension]
        items, unit = np.unique(part["item"].to_numpy(dtype=object), return_inverse=True)
        value = part["value"].to_numpy(dtype=np.int64) - 1
        for demographic in asked:
            merged = demographic.key in labels.study.analysis.merges
            answers = part[demographic.key].map(demographic.merged) if merged else part[demographic.key]
            counts = {}
            for level in demographic.merged_codes if merged else demographic.codes:
                mine = (answers == level).to_numpy(dtype=bool)
                if mine.any():
                    counts[level] = np.zeros((len(items), labels.study.points))
                    np.add.at(counts[level], (unit[mine], value[mine]), 1)
            rows += _groups(counts, dimension, demographic, labels)
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def _groups(
    counts: dict[str, FloatArray], dimension: str, demographic: Demographic, labels: Labels
) -> list[dict[str, object]]:
    rows = []
    levels = list(counts)
    for place, one in enumerate(levels):
        for other in levels[place:]:
            found = _within(counts[one]) if one == other else _between(counts[one], counts[other])
            rows.append(
                {
                    "dimension": dimension,
                    "dimension_label": labels.dimension(dimension),
                    "demographic": demographic.key,
                    "demographic_label": labels.demographic(demographic.key),
                    "level": one,
                    "level_label": labels.level_in_model(demographic.key, one),
                    "other": other,
                    "other_label": labels.level_in_model(demographic.key, other),
                    "kind": "within" if one == other else "between",
                    **found,
                }
            )
    return rows


def _within(counts: FloatArray) -> dict[str, object]:
    seen = counts[counts.sum(axis=1) >= 2]
    number = seen.sum(axis=1)
    defined = np.count_nonzero(seen.sum(axis=0)) >= 2
    return {
        "alpha": _library_alpha(seen) if defined else float("nan"),
        "items": len(seen),
        "ratings": int(number.sum()),
        "pairs": int((number * (number - 1) / 2).sum()),
    }


def _between(one: FloatArray, other: FloatArray) -> dict[str, object]:
    both = (one.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
    first, second = one[both], other[both]
    distance = ordinal_distances(first.sum(axis=0) + second.sum(axis=0))
    pairs = float((first.sum(axis=1) * second.sum(axis=1)).sum())
    observed = np.einsum("uc,ck,uk->", first, distance, second) / pairs if pairs else np.nan
    totals = first.sum(axis=0), second.sum(axis=0)
    expected = totals[0] @ distance @ totals[1] / (totals[0].sum() * totals[1].sum()) if pairs else np.nan
    return {
        "alpha": float(1 - observed / expected) if pairs and expected > 0 else float("nan"),
        "items": int(both.sum()),
        "ratings": int(first.sum() + second.sum()),
        "pairs": int(pairs),
    }


def ordinal_distances(totals: FloatArray) -> FloatArray:
    """Krippendorff's squared ordinal distances between categories with these frequencies, (K,) to (K, K)."""
    rank = np.cumsum(totals) - totals / 2
    squared: FloatArray = (rank[:, None] - rank[None, :]) ** 2
    return squared


def _counts(items: pd.Series[str], values: pd.Series[int], points: int) -> FloatArray:
    names, unit = np.unique(items.to_numpy(dtype=object), return_inverse=True)
    counts = np.zeros((len(names), points))
    np.add.at(counts, (unit, values.to_numpy(dtype=np.int64) - 1), 1)
    return counts


def _library_alpha(counts: FloatArray) -> float:
    domain = np.arange(1, counts.shape[1] + 1)
    value = krippendorff.alpha(
        value_counts=counts.astype(np.int64), value_domain=domain, level_of_measurement="ordinal"
    )
    return float(value)
