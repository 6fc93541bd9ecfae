"""Who rated what, how often and how: counts before any model.

Every function takes tables as declared in :mod:`pluralign.records` and returns a tidy data frame with one row per
thing counted; percentages are of the group named in its docstring and are never rounded here.
"""

from __future__ import annotations

import pandas as pd

from pluralign.errors import DataError
from pluralign.stats.labels import NOT_ASKED, Labels
from pluralign.study import UNDECLARED, Demographic, Study

NOT_RECORDED = "not recorded"
"""Perspective of items that state none."""


def raters_by_demographic(raters: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Raters per answer of every demographic of the study, percent of all raters.

    Columns ``demographic, demographic_label, level, level_label, raters, percent``. Answers come in the order of the
    study, zeros included, then answers the study does not list, then ``undeclared``, then ``not asked`` (nothing
    recorded); the last three only where they occur.
    """
    _refuse_empty(raters, "raters")
    rows = []
    for demographic in labels.study.demographics:
        counts = _answers(raters, demographic).value_counts()
        for level in _levels(counts, demographic):
            number = int(counts.get(level, 0))
            rows.append(
                {
                    "demographic": demographic.key,
                    "demographic_label": labels.demographic(demographic.key),
                    "level": level,
                    "level_label": labels.level(demographic.key, level),
                    "raters": number,
                    "percent": 100 * number / len(raters),
                }
            )
    columns = ["demographic", "demographic_label", "level", "level_label", "raters", "percent"]
    return pd.DataFrame(rows, columns=columns)


def rating_distribution(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Ratings per dimension and scale value, percent of the dimension's ratings.

    Columns ``dimension, dimension_label, value, value_label, ratings, percent``; every value of the scale has a row.
    """
    _refuse_empty(ratings, "ratings")
    rows = []
    for dimension in dimensions_of(ratings, labels.study):
        values = ratings.loc[ratings["dimension"] == dimension, "value"].astype(int)
        counts = values.value_counts()
        for value in range(1, labels.study.points + 1):
            number = int(counts.get(value, 0))
            rows.append(
                {
                    "dimension": dimension,
                    "dimension_label": labels.dimension(dimension),
                    "value": value,
                    "value_label": labels.value(value),
                    "ratings": number,
                    "percent": 100 * number / len(values),
                }
            )
    return pd.DataFrame(rows)


def rating_summary(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """One row per dimension: how many ratings, from whom, on what, and where they lie.

    Columns ``dimension, dimension_label, desirable, ratings, raters, items, mean, sd, median, missing``. ``missing``
    counts the responses that a rater rated on some dimension but not on this one.
    """
    _refuse_empty(ratings, "ratings")
    met = len(ratings[["rater", "item"]].drop_duplicates())
    desirable = {dimension.key: dimension.desirable for dimension in labels.study.dimensions}
    rows = []
    for dimension in dimensions_of(ratings, labels.study):
        part = ratings[ratings["dimension"] == dimension]
        values = part["value"].astype(float)
        rows.append(
            {
                "dimension": dimension,
                "dimension_label": labels.dimension(dimension),
                "desirable": desirable.get(dimension),
                "ratings": len(part),
                "raters": part["rater"].nunique(),
                "items": part["item"].nunique(),
                "mean": values.mean(),
                "sd": values.std(),
                "median": values.median(),
                "missing": met - len(part),
            }
        )
    return pd.DataFrame(rows)


def items_by_context(items: pd.DataFrame, ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Responses per perspective: how many there are, how many were rated, by how many ratings.

    Columns ``context, context_label, items, rated, ratings``, in the order of the study; items without a perspective
    come last, as ``NOT_RECORDED``.
    """
    per_item = ratings.groupby("item").size()
    known = items.assign(
        context=items["context"].astype(object).where(items["context"].notna(), NOT_RECORDED),
        given=items["item"].map(per_item).fillna(0).astype(int),
    )
    present = list(dict.fromkeys(known["context"]))
    order = [key for key in labels.study.context_keys if key in present]
    order += [key for key in present if key not in order and key != NOT_RECORDED]
    order += [NOT_RECORDED] if NOT_RECORDED in present else []
    rows = []
    for context in order:
        part = known[known["context"] == context]
        rows.append(
            {
                "context": context,
                "context_label": NOT_RECORDED if context == NOT_RECORDED else labels.context(context),
                "items": len(part),
                "rated": int((part["given"] > 0).sum()),
                "ratings": int(part["given"].sum()),
            }
        )
    return pd.DataFrame(rows, columns=["context", "context_label", "items", "rated", "ratings"])


def load(ratings: pd.DataFrame) -> pd.DataFrame:
    """How many raters an item had and how many items a rater rated, over all dimensions together.

    Columns ``unit`` (``raters per item``, ``items per rater``), ``units``, ``mean``, ``least``, ``median``, ``most``.
    """
    _refuse_empty(ratings, "ratings")
    met = ratings[["rater", "item"]].drop_duplicates()
    rows = []
    for unit, by in (("raters per item", "item"), ("items per rater", "rater")):
        counts = met.groupby(by).size()
        rows.append(
            {
                "unit": unit,
                "units": len(counts),
                "mean": counts.mean(),
                "least": int(counts.min()),
                "median": counts.median(),
                "most": int(counts.max()),
            }
        )
    return pd.DataFrame(rows)


def dimensions_of(ratings: pd.DataFrame, study: Study) -> list[str]:
    """The dimensions that were rated: the study's in its order, then any other."""
    present = list(dict.fromkeys(ratings["dimension"]))
    return [key for key in study.dimension_keys if key in present] + sorted(
        key for key in present if key not in study.dimension_keys
    )


def _answers(raters: pd.DataFrame, demographic: Demographic) -> pd.Series[str]:
    if demographic.key not in raters.columns:
        return pd.Series([NOT_ASKED] * len(raters), index=raters.index)
    answers = raters[demographic.key].astype(object)
    return answers.where(answers.notna(), NOT_ASKED)


def _levels(counts: pd.Series[int], demographic: Demographic) -> list[str]:
    special = (UNDECLARED, NOT_ASKED)
    others = sorted(str(level) for level in counts.index if level not in (*demographic.codes, *special))
    return [*demographic.codes, *others, *(level for level in special if level in counts.index)]


def _refuse_empty(frame: pd.DataFrame, what: str) -> None:
    if frame.empty:
        raise DataError(f"There are no {what} to describe; import or simulate some first.")
