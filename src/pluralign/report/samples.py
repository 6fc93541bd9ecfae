"""A few responses of base and tuned models to the same prompts, chosen without looking at them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pluralign.records import ITEMS, read
from pluralign.report.blocks import Reply, Sample
from pluralign.report.sources import Sources
from pluralign.study import Experiment

PROMPTS = 3
"""Prompts shown per experiment: the first held-out ones in the order of their identifiers."""


def samples(sources: Sources, experiment: Experiment) -> list[Sample]:
    """The first response of each model with the first seed, for the first held-out prompts."""
    training = sources.study.training_for(experiment)
    seed, language = training.seeds[0], training.language
    first = {
        condition.key: replies
        for condition in experiment.conditions
        if (replies := _first_replies(sources.folder.evaluation / experiment.key / condition.key, seed, language))
    }
    base = _base(sources.folder.evaluation, experiment.key, seed, language)
    if not base or not first or sources.feedback is None:
        return []
    models = {sources.say("models.base_model"): base, **first}
    prompts = sources.feedback.prompts.set_index("prompt")[f"text_{language}"]
    asked = sorted(set.intersection(*(set(replies) for replies in models.values())) & set(prompts.index))
    return [
        Sample(str(prompts[prompt]), [Reply(name, replies[prompt]) for name, replies in models.items()], language)
        for prompt in asked[:PROMPTS]
    ]


def _base(evaluation: Path, experiment: str, seed: int, language: str) -> dict[str, str]:
    """Replies of the experiment's own base model, or of the one that experiments share."""
    own = _first_replies(evaluation / "base" / experiment, seed, language)
    return own or _first_replies(evaluation / "base", seed, language)


def _first_replies(place: Path, seed: int, language: str) -> dict[str, str]:
    """The first response to each prompt; empty where there are none."""
    path = place / f"seed-{seed}" / "items.parquet"
    if not path.is_file():
        return {}
    items: pd.DataFrame = read(path, ITEMS).drop_duplicates("prompt")
    texts = items[f"text_{language}"].astype(object).where(items[f"text_{language}"].notna(), "")
    return {str(prompt): str(text) for prompt, text in zip(items["prompt"], texts, strict=True)}
