"""What responses look like, apart from how they are judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from pluralign.evaluation.models import AbsentRun, EvaluatedModel


def descriptives(
    models: Sequence[EvaluatedModel],
    items: Mapping[str, pd.DataFrame],
    judgements: Mapping[str, pd.DataFrame],
    absent: Sequence[AbsentRun],
) -> pd.DataFrame:
    """One row per model, with ``state`` either ``evaluated`` or why it was not.

    ``tokens``: mean length; ``finished``: share that the model ended itself before the limit; ``distinct``: share of
    different texts; ``distinct_words``: different words over all words; ``unscored``: responses without a judgement.
    """
    lines = [_line(model, items[model.place], judgements[model.place]) for model in models]
    lines += [
        {"experiment": run.experiment, "condition": run.condition, "seed": run.seed, "state": run.why} for run in absent
    ]
    return pd.DataFrame(lines)


def _line(model: EvaluatedModel, items: pd.DataFrame, judgements: pd.DataFrame) -> dict[str, object]:
    texts = items[f"text_{model.language}"].fillna("")
    generation = [json.loads(value) for value in items["generation"]]
    words = [word for text in texts for word in text.lower().split()]
    unscored = judgements.loc[judgements["status"] == "unscored", "item"]
    return {
        "experiment": model.experiment,
        "condition": model.condition,
        "seed": model.seed,
        "state": "evaluated",
        "prompts": items["prompt"].nunique(),
        "responses": len(items),
        "tokens": sum(one["tokens"] for one in generation) / len(items),
        "finished": sum(one["finished"] for one in generation) / len(items),
        "distinct": texts.nunique() / len(items),
        "distinct_words": len(set(words)) / len(words) if words else None,
        "unscored": unscored.nunique(),
    }
