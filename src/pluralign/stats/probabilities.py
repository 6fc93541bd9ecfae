"""What a model says about groups in terms that need no odds: the probability of each category."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pluralign.stats.formula import parse
from pluralign.stats.labels import Labels
from pluralign.stats.predict import predict

if TYPE_CHECKING:
    from pluralign.stats.model_frame import ModelFrame
    from pluralign.stats.types import ClmmFit

PROBABILITY_COLUMNS = (
    *("dimension", "dimension_label", "demographic", "demographic_label", "level", "level_label", "reference"),
    *("category", "category_label", "probability"),
)


def group_probabilities(fit: ClmmFit, prepared: ModelFrame, dimension: str, labels: Labels) -> pd.DataFrame:
    """Per level of every demographic, the probability of each category, were every rater of that level.

    Columns ``PROBABILITY_COLUMNS``. Everything else is as in the data: a mean over the ratings, and over the normal
    distribution of the random effects. ``reference`` is true for the reference level. Point estimates only; how
    uncertain a difference between levels is, the coefficients say.
    """
    settings, share = _settings(fit, prepared)
    chances = predict(fit, settings.drop(columns=["demographic", "level"])).mul(share, axis=0)
    by_level = chances.groupby([settings["demographic"], settings["level"]], sort=False).sum()
    rows = []
    for (demographic, level), probabilities in zip(by_level.index, by_level.to_numpy(), strict=True):
        for category, probability in enumerate(probabilities, start=1):
            rows.append(
                {
                    "dimension": dimension,
                    "dimension_label": labels.dimension(dimension),
                    "demographic": demographic,
                    "demographic_label": labels.demographic(demographic),
                    "level": level,
                    "level_label": labels.level_in_model(demographic, level),
                    "reference": level == prepared.references[demographic],
                    "category": category,
                    "category_label": labels.category(category),
                    "probability": float(probability),
                }
            )
    return pd.DataFrame(rows, columns=list(PROBABILITY_COLUMNS))


def _settings(fit: ClmmFit, prepared: ModelFrame) -> tuple[pd.DataFrame, pd.Series[float]]:
    """The rows at which to predict, one block per level of each demographic, and the weight of each within its block.

    A block has every setting of the other predictors in the data, weighted by its ratings.
    """
    formula = parse(fit.formula)
    predictors = list(dict.fromkeys((*formula.fixed_columns, *formula.slope_columns)))
    blocks = []
    for demographic in prepared.references:
        others = [name for name in predictors if name != demographic]
        counts = prepared.frame.groupby(others, observed=True).size() if others else pd.Series([1])
        found = counts.index.to_frame(index=False) if others else pd.DataFrame(index=range(1))
        found = found.assign(demographic=demographic, share=counts.to_numpy() / counts.sum())
        levels = prepared.frame[demographic].cat.categories
        for level in levels:
            block = found.assign(level=str(level))
            block[demographic] = pd.Categorical([level] * len(found), categories=levels)
            blocks.append(block)
    table = pd.concat(blocks, ignore_index=True)
    return table[[*predictors, "demographic", "level"]], table["share"]
