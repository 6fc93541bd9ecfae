"""The study template and a corpus for simulations in tests."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd

from pluralign.feedback.quality import lexicon
from pluralign.study import Study
from pluralign.study.loading import parse

_FILLER = {
    "en": "the river runs past a small town where people meet every week to talk over tea and bread",
    "de": "der fluss läuft an einer stadt vorbei wo leute sich jede woche bei tee und brot sehen",
}


@lru_cache(maxsize=4)
def template(name: str) -> Study:
    """A built-in study."""
    text = files("pluralign.study").joinpath("templates", f"{name}.yaml").read_text(encoding="utf-8")
    return parse(text, name)


def gender_values() -> Study:
    """The built-in study with planted effects in two languages."""
    return template("gender-values")


def corpus(prompts: int = 40, contexts: int = 5, languages: tuple[str, ...] = ("en", "de")) -> tuple[pd.DataFrame, ...]:
    """Prompts and items whose texts mix neutral words with entries of the word lists, so that their quality varies."""
    generator = np.random.default_rng(7)
    keys = [f"p{number}" for number in range(prompts)]
    asked = pd.DataFrame(
        {
            "prompt": keys,
            **{f"text_{language}": [f"Question {key}?" for key in keys] for language in languages},
            "source": "test",
            "licence": "own",
            "topics": "",
            "split": ["held-out" if number % 4 == 0 else "train" for number in range(prompts)],
        }
    )
    answered = pd.DataFrame(
        {
            "item": [f"{key}-{context}" for key in keys for context in range(contexts)],
            "prompt": [key for key in keys for _ in range(contexts)],
            "context": [
                ("none", "republican_voter", "patriarchy", "empathetic", "equality")[c] for c in range(contexts)
            ]
            * prompts,
            "model": "none",
            "generation": "{}",
            "review": "unreviewed",
        }
    )
    for language in languages:
        answered[f"text_{language}"] = [_text(language, generator) for _ in range(len(answered))]
    return asked, answered


def _text(language: str, generator: np.random.Generator) -> str:
    words = list(generator.permutation(_FILLER[language].split())[:12])
    for entries in lexicon(language).values():
        usable = [entry.rstrip("*") for entry in entries]
        words += list(generator.choice(usable, size=generator.integers(0, 3), replace=False))
    return " ".join(generator.permutation(words)) + "."
