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
    formula = parse(fit.formula)
    predictors = list(dict.fromkeys((*formula.fixed_columns, *formula.slope_columns)))
    rows = []
    for demographic, reference in prepared.references.items():
        others = [name for name in predictors if name != demographic]
        distinct = prepared.frame.groupby(others, observed=True).size() if others else pd.Series([1])
        share = distinct.to_numpy(dtype=float) / distinct.sum()
        settings = distinct.index.to_frame(index=False) if others else pd.DataFrame(index=range(1))
        levels = prepared.frame[demographic].cat.categories
        for level in levels:
            column = pd.Categorical([level] * len(settings), categories=levels)
            chances = share @ predict(fit, settings.assign(**{demographic: column})).to_numpy()
            for category, probability in enumerate(chances, start=1):
                rows.append(
                    {
                        "dimension": dimension,
                        "dimension_label": labels.dimension(dimension),
                        "demographic": demographic,
                        "demographic_label": labels.demographic(demographic),
                        "level": level,
                        "level_label": labels.level_in_model(demographic, str(level)),
                        "reference": level == reference,
                        "category": category,
                        "category_label": labels.category(category),
                        "probability": float(probability),
                    }
                )
    return pd.DataFrame(rows, columns=list(PROBABILITY_COLUMNS))
