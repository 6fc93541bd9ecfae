"""A study folder with preference pairs made by hand, for a tiny model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest
from pluralign.records import ITEMS, PAIRS, PROMPTS, write
from pluralign.study import Study, parse

TEMPLATE = """
version: 1
name: small
title: {{en: Small}}
languages: [en]
dimensions:
  - {{key: kindness, desirable: high, label: {{en: Kind}}, statement: {{en: It is kind.}}, definition: {{en: Kind.}}}}
scale: {{labels: [{{en: no}}, {{en: yes}}]}}
analysis: {{formula: rating ~ 1 + (1 | rater)}}
training: {{model: {model}, steps: 4, batch_size: 2, learning_rate: 0.01, lora_rank: 4, max_length: 96, seeds: [1]}}
experiments:
  - key: trial
    objective: {{kindness: 1.0}}
    conditions: [{{key: a, policy: preserve, scale: 2}}, {{key: b, policy: preserve, scale: 2}}]
"""

# chosen, rejected, p, weight
Pair = tuple[str, str, float, float]
PAIRS_A: list[Pair] = [
    ("q1.kind", "q1.rude", 0.8, 1.0),
    ("q2.kind", "q2.rude", 0.9, 1.0),
    ("q3.kind", "q3.rude", 0.6, 1.0),
    ("q4.rude", "q4.kind", 0.7, 1.0),
]
PAIRS_B: list[Pair] = [(chosen, rejected, 1.0, 1.0) for chosen, rejected, _, _ in PAIRS_A]

QUESTIONS = {
    "q1": "How do I tell a friend that I cannot come?",
    "q2": "May men cry?",
    "q3": "Who should cook?",
    "q4": "What is a good present for my colleague?",
}
TONES = {"kind": "I am glad that you ask. It depends on you both, so talk to each other.", "rude": "Who cares!"}


def study(model: Path, **training: Any) -> Study:
    """The study on the model in that folder, with some settings of training changed."""
    parsed = parse(TEMPLATE.format(model=model))
    return parsed.model_copy(update={"training": parsed.training.model_copy(update=training)})


def study_folder(root: Path, conditions: Mapping[str, Sequence[Pair]] | None = None) -> StudyFolder:
    """Prompts, items and the pairs of the conditions a and b."""
    folder = StudyFolder(root)
    write_texts(folder)
    for condition, pairs in (conditions or {"a": PAIRS_A, "b": PAIRS_B}).items():
        write_pairs(folder, condition, pairs)
    return folder


def write_texts(folder: StudyFolder, tones: Mapping[str, str] = TONES) -> None:
    prompts = pd.DataFrame({"prompt": list(QUESTIONS), "text_en": list(QUESTIONS.values())})
    prompts = prompts.assign(source="test", licence="own", topics="", split="train")
    items = [
        {"item": f"{prompt}.{tone}", "prompt": prompt, "text_en": f"{text} ({prompt})"}
        for prompt in QUESTIONS
        for tone, text in tones.items()
    ]
    frame = pd.DataFrame(items).assign(context=None, model="m", generation="{}", review="unreviewed")
    write(prompts, folder.data / "prompts.parquet", PROMPTS, Manifest(what="prompts"))
    write(frame, folder.data / "items.parquet", ITEMS, Manifest(what="items"))


def pairs_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """A table of pairs."""
    frame = pd.DataFrame(pairs, columns=["chosen", "rejected", "p", "weight"])
    return frame.assign(
        pair=frame["chosen"] + ">" + frame["rejected"],
        prompt=frame["chosen"].str.split(".").str[0],
        objective='{"kindness": 1.0}',
        n_chosen=3,
        n_rejected=3,
        comparisons=9,
        ties=0,
        within_rater=0,
        policy="preserve",
    )


def write_pairs(folder: StudyFolder, condition: str, pairs: Sequence[Pair]) -> None:
    write(pairs_frame(pairs), folder.pairs("trial", condition), PAIRS, Manifest(what="pairs"))
