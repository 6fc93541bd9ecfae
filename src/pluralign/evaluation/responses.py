"""Responses of a model to the held-out prompts."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.errors import DataError
from pluralign.evaluation.models import EvaluatedModel, adapter_digest
from pluralign.evaluation.storage import stored
from pluralign.language_models import (
    Generated,
    Parts,
    Sampling,
    conversation,
    generate,
    load,
    load_tuned,
    model_digest,
    resolve,
    seed_from,
)
from pluralign.manifests import Manifest, digest_of
from pluralign.progress import Progress
from pluralign.records import ITEMS, write
from pluralign.study import Study

# Replies sampled together. Part of what a reply depends on, so one number for all models and machines.
BATCH_SIZE = 32
_FILE = "items.parquet"


def held_out_prompts(prompts: pd.DataFrame, language: str) -> pd.DataFrame:
    """Columns ``prompt, text`` of the held-out prompts that have a text in ``language``, in order of the identifiers.

    Raises DataError where there are none.
    """
    column = f"text_{language}"
    held_out = prompts.loc[prompts["split"] == "held-out"]
    texts = held_out[column] if column in held_out else pd.Series(index=held_out.index, dtype="str")
    found = pd.DataFrame({"prompt": held_out["prompt"], "text": texts})
    found = found.loc[found["text"].notna()].sort_values("prompt", ignore_index=True)
    if found.empty:
        raise DataError(
            f"No prompt is held out with a text in {language} ({len(prompts)} prompts, {len(held_out)} held out), so "
            "tuned models cannot be compared on prompts that they have not seen. Set some prompts' split to held-out."
        )
    return found


def respond(
    model: EvaluatedModel, prompts: pd.DataFrame, study: Study, place: Path, progress: Progress
) -> pd.DataFrame:
    """The table of items with the model's responses, made unless ``place`` holds exactly these already.

    ``prompts`` are those of `held_out_prompts`; each is the only user turn of its conversation, without a perspective.
    Finished batches are kept, so that a stopped call goes on where it was and ends with the same bytes.
    """
    items = earlier(model, prompts, study, place)
    if items is not None:
        return items
    samples = study.evaluation.samples
    manifest = _manifest(model, prompts, study)
    asked = prompts.loc[prompts.index.repeat(samples)].reset_index(drop=True)
    progress.start(f"Responses of {model.label}", len(asked))
    policy_model, tokenizer = _load(model)
    parts = Parts(place / "parts", digest_of(dict(manifest.inputs)))
    replies = generate(
        policy_model,
        tokenizer,
        [conversation(text) for text in asked["text"]],
        _sampling(model, study),
        batch_size=BATCH_SIZE,
        progress=progress,
        parts=parts,
    )
    items = _items(model, asked, replies, samples)
    write(items, place / _FILE, ITEMS, manifest)
    shutil.rmtree(parts.folder)
    progress.finish()
    return items


def earlier(model: EvaluatedModel, prompts: pd.DataFrame, study: Study, place: Path) -> pd.DataFrame | None:
    """The model's responses as an earlier call left them in ``place``; None where they are not there, or where model,
    adapter, prompts or settings were others.
    """
    return stored(place / _FILE, ITEMS, _manifest(model, prompts, study))


def _sampling(model: EvaluatedModel, study: Study) -> Sampling:
    """The settings of the study, with one seed for base and tuned models of the same seed: what differs is then the
    model, not the draw.
    """
    settings = study.evaluation
    seed = seed_from(f"responses/{settings.seed}/{model.seed}")
    return Sampling(settings.max_new_tokens, settings.temperature, settings.top_p, seed)


def _manifest(model: EvaluatedModel, prompts: pd.DataFrame, study: Study) -> Manifest:
    inputs = {"model": model_digest(resolve(model.name)), "prompts": digest_of(prompts.to_dict("list"))}
    if model.adapter is not None:
        inputs["adapter"] = adapter_digest(model.adapter)
    return Manifest(
        what=f"responses of {model.label}",
        config={
            "language": model.language,
            "samples": study.evaluation.samples,
            "batch_size": BATCH_SIZE,
            "sampling": asdict(_sampling(model, study)),
        },
        seed=model.seed,
        inputs=inputs,
        rows_in=len(prompts),
    )


def _load(model: EvaluatedModel) -> tuple[Any, Any]:
    weights = resolve(model.name)
    return load(weights) if model.adapter is None else load_tuned(weights, model.adapter)


def _items(model: EvaluatedModel, asked: pd.DataFrame, replies: list[Generated], samples: int) -> pd.DataFrame:
    number = [row % samples + 1 for row in range(len(asked))]
    generation = [
        json.dumps({"sample": sample, "tokens": reply.tokens, "finished": reply.finished})
        for sample, reply in zip(number, replies, strict=True)
    ]
    names = [f"{model.place}/{prompt}/{sample}" for prompt, sample in zip(asked["prompt"], number, strict=True)]
    return pd.DataFrame(
        {
            "item": names,
            "prompt": asked["prompt"],
            "context": None,
            "model": model.name if model.adapter is None else f"{model.name} + {model.place}",
            "generation": generation,
            "review": "unreviewed",
            f"text_{model.language}": [reply.text for reply in replies],
            f"origin_{model.language}": "generated",
        }
    )
