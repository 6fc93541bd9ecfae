"""What responses look like, apart from how they are judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import pandas as pd
from scipy.stats import binomtest

from pluralign.evaluation.models import AbsentRun, EvaluatedModel
from pluralign.language_models.refusals import refuses
from pluralign.study.evaluation_checks import HELD_OUT


def descriptives(
    models: Sequence[EvaluatedModel],
    items: Mapping[str, Mapping[str, pd.DataFrame]],
    judgements: Mapping[str, pd.DataFrame],
    absent: Sequence[AbsentRun],
) -> pd.DataFrame:
    """One row per model and set of prompts, with ``state`` either ``evaluated`` or why it was not.

    ``items``: responses by set of prompts and the models' places; ``judgements`` of those to held-out prompts.
    ``tokens``: mean length; ``finished``: share that the model ended itself before the limit; ``distinct``: share of
    different texts; ``distinct_words``: different words over all words, ``distinct_pairs`` the same of two words in a
    row (Li et al. 2016); ``alike``: mean share of words that two responses to one prompt have in common (Jaccard);
    ``refused``: share of refusals, with Wilson's interval; ``unscored``: responses without a judgement.
    """
    lines = []
    for prompts, by_place in items.items():
        for model in models:
            if model.place in by_place:
                line = _line(model, by_place[model.place])
                if prompts == HELD_OUT:
                    found = judgements[model.place]
                    line["unscored"] = found.loc[found["status"] == "unscored", "item"].nunique()
                lines.append({"asked": prompts, **line})
    lines += [
        {
            "asked": HELD_OUT,
            "experiment": run.experiment,
            "condition": run.condition,
            "seed": run.seed,
            "state": run.why,
        }
        for run in absent
    ]
    return pd.DataFrame(lines)


def _line(model: EvaluatedModel, items: pd.DataFrame) -> dict[str, object]:
    texts = items[f"text_{model.language}"].fillna("")
    generation = [json.loads(value) for value in items["generation"]]
    words = [text.lower().split() for text in texts]
    every = [word for text in words for word in text]
    pairs = [pair for text in words for pair in pairwise(text)]
    refused = sum(refuses(text) for text in texts)
    interval = binomtest(refused, len(items)).proportion_ci(method="wilson")
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
        "distinct_words": len(set(every)) / len(every) if every else None,
        "distinct_pairs": len(set(pairs)) / len(pairs) if pairs else None,
        "alike": _alike(items["prompt"].tolist(), words),
        "refused": refused / len(items),
        "refused_low": interval.low,
        "refused_high": interval.high,
    }


def _alike(prompts: Sequence[str], words: Sequence[Sequence[str]]) -> float | None:
    """None where no prompt has two responses with words."""
    by_prompt: dict[str, list[set[str]]] = {}
    for prompt, text in zip(prompts, words, strict=True):
        if text:
            by_prompt.setdefault(prompt, []).append(set(text))
    shares = [len(a & b) / len(a | b) for texts in by_prompt.values() for a, b in combinations(texts, 2)]
    return sum(shares) / len(shares) if shares else None
