"""One item as an example: who gave it which rating."""

from __future__ import annotations

import pandas as pd

from pluralign.stats.descriptives import dimensions_of
from pluralign.stats.formula import parse
from pluralign.stats.labels import Labels

EXAMPLE_COLUMNS = (
    *("item", "dimension", "dimension_label", "demographic", "demographic_label", "level", "level_label", "value"),
    "ratings",
)
_NEARLY_AS_MANY = 0.8


def most_contested(by_item: pd.DataFrame) -> str:
    """The item with the highest mean polarisation over the dimensions, among those with nearly the most ratings.

    ``by_item`` is the table of :func:`pluralign.stats.disagreement.disagreement_by_item`; empty text where it is.
    """
    if by_item.empty:
        return ""
    items = by_item.groupby("item").agg(ratings=("ratings", "max"), polarisation=("polarisation", "mean"))
    many = items[items["ratings"] >= _NEARLY_AS_MANY * items["ratings"].max()]
    return str(many["polarisation"].idxmax())


def ratings_by_group(long: pd.DataFrame, item: str, labels: Labels) -> pd.DataFrame:
    """How often each level of the formula's demographics gave ``item`` each value, after the study's merges.

    ``long`` is ``Feedback.long_frame()``. Columns ``EXAMPLE_COLUMNS``; levels that did not rate the item are left out.
    """
    in_formula = parse(labels.study.analysis.formula).fixed_columns
    part = long[long["item"] == item]
    tables = []
    for dimension in dimensions_of(part, labels.study):
        rated = part[part["dimension"] == dimension]
        for demographic in labels.study.demographics:
            if demographic.key not in in_formula or demographic.key not in part:
                continue
            merges = demographic.key in labels.study.analysis.merges
            answers = rated[demographic.key]
            levels = answers.map(demographic.merged) if merges else answers.where(answers.isin(demographic.codes))
            counts = rated.groupby([levels.rename("level"), rated["value"].astype(int)]).size()
            table = counts.rename("ratings").reset_index()
            codes = demographic.merged_codes if merges else demographic.codes
            table["order"] = table["level"].map({code: place for place, code in enumerate(codes)})
            table = table.sort_values(["order", "value"], ignore_index=True)
            tables.append(
                table.assign(
                    item=item,
                    dimension=dimension,
                    dimension_label=labels.dimension(dimension),
                    demographic=demographic.key,
                    demographic_label=labels.demographic(demographic.key),
                    level_label=[labels.level_in_model(demographic.key, str(level)) for level in table["level"]],
                )[list(EXAMPLE_COLUMNS)]
            )
    filled = [table for table in tables if not table.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(EXAMPLE_COLUMNS))
