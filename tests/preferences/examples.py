"""Small bundles of ratings for tests, written as rater -> item -> value on each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pluralign.feedback import Feedback
from pluralign.study import Condition

DIMENSIONS = ("helpfulness", "toxicity")
DESIRABLE = {"helpfulness": "high", "toxicity": "low"}

Values = Mapping[str, Mapping[str, int | tuple[int | None, ...]]]
"""Ratings: rater -> item -> helpfulness, or (helpfulness, toxicity) with None where missing."""


def feedback(
    ratings: Values,
    *,
    items: Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
    points: int = 5,
    **changes: list[Any],
) -> Feedback:
    """A bundle in which ``items`` maps items to prompts (all of prompt "p" if not given)."""
    rated = sorted({item for given in ratings.values() for item in given})
    of_prompt = dict(items) if items else dict.fromkeys(rated, "p")
    prompts = sorted(set(of_prompt.values()))
    rows = [
        {"rater": rater, "item": item, "dimension": dimension, "value": value}
        for rater, given in ratings.items()
        for item, values in given.items()
        for dimension, value in zip(DIMENSIONS, values if isinstance(values, tuple) else (values,), strict=False)
        if value is not None
    ]
    item_columns = {
        "item": list(of_prompt),
        "prompt": list(of_prompt.values()),
        "context": ["none"] * len(of_prompt),
        "text_en": [f"reply {item}" for item in of_prompt],
        "model": ["m"] * len(of_prompt),
        "generation": ["{}"] * len(of_prompt),
        "review": ["unreviewed"] * len(of_prompt),
    }
    return Feedback.of(
        prompts=pd.DataFrame(
            {
                "prompt": prompts,
                "text_en": [f"question {prompt}" for prompt in prompts],
                "source": "test",
                "licence": "own",
                "topics": "",
                "split": "train",
            }
        ),
        items=pd.DataFrame({**item_columns, **changes}),
        raters=pd.DataFrame(
            {
                "rater": list(ratings),
                "language": "en",
                "origin": "imported",
                "weight": [(weights or {}).get(rater, 1.0) for rater in ratings],
                "flags": "",
                "group": ["odd" if number % 2 == 0 else "even" for number in range(len(ratings))],
            }
        ),
        ratings=pd.DataFrame(rows).assign(seconds=None, position=None, time=None, attention=None),
        points=points,
    )


def condition(**settings: Any) -> Condition:
    return Condition(**{"key": "c", "policy": "preserve", "scale": 5, "min_raters": 1, **settings})
