"""A small study and feedback small enough to count by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pluralign.feedback import Feedback
from pluralign.study import Study, parse

STUDY = """
version: 1
name: small
title: {en: A small study, de: Eine kleine Studie}
languages: [en, de]
dimensions:
  - key: toxicity
    desirable: low
    label: {en: Toxicity, de: Toxizität}
    statement: {en: The answer is toxic., de: Die Antwort ist toxisch.}
    definition: {en: Rude or threatening., de: Grob oder drohend.}
  - key: helpfulness
    desirable: high
    label: {en: Helpfulness, de: Nützlichkeit}
    statement: {en: The answer helps., de: Die Antwort hilft weiter.}
    definition: {en: Clear and relevant., de: Klar und treffend.}
scale:
  labels:
    - {en: strongly disagree, de: stimme gar nicht zu}
    - {en: disagree, de: stimme nicht zu}
    - {en: neutral, de: teils teils}
    - {en: agree, de: stimme zu}
    - {en: strongly agree, de: stimme voll zu}
contexts:
  - {key: plain, label: {en: no instruction, de: keine Anweisung}}
  - {key: empathetic, label: {en: empathetic person, de: einfühlsamer Mensch}, instruction: {en: Care., de: Sorge.}}
demographics:
  - key: gender
    question: {en: "Your gender?", de: "Ihr Geschlecht?"}
    reference: she
    options:
      - {code: he, label: {en: he/him, de: er}}
      - {code: she, label: {en: she/her, de: sie}}
      - {code: they, label: {en: they/them, de: dey}}
  - key: politics
    question: {en: "Your politics?", de: "Ihre Politik?"}
    ordered: true
    reference: rather_liberal
    options:
      - {code: liberal, label: {en: liberal, de: liberal}}
      - {code: rather_liberal, label: {en: rather liberal, de: eher liberal}}
      - {code: centre, label: {en: centre, de: Mitte}}
      - {code: conservative, label: {en: conservative, de: konservativ}}
    merges: {left: [liberal, rather_liberal]}
analysis:
  formula: rating ~ gender + politics + (1 | rater) + (1 | item)
  categories: [[1, 2], [3], [4, 5]]
  merges: [politics]
"""


def small_study(text: str = STUDY) -> Study:
    """The study above, or another text of one."""
    return parse(text, "small.yaml")


def tables(
    ratings: list[tuple[str, str, str, int]],
    raters: dict[str, dict[str, str | None]],
    contexts: dict[str, str | None],
) -> Feedback:
    """A bundle from (rater, item, dimension, value), the raters' answers and the items' perspectives."""
    frame = pd.DataFrame(ratings, columns=["rater", "item", "dimension", "value"])
    frame = frame.assign(seconds=np.nan, position=None, time=None, attention=None)
    items = pd.DataFrame({"item": list(contexts), "context": list(contexts.values())})
    items = items.assign(
        prompt="p1", text_en="text", text_de="Text", model="m", generation="{}", review="approved", origin_en="written"
    )
    people = pd.DataFrame([{"rater": rater, **answers} for rater, answers in raters.items()])
    people = people.assign(language="en", origin="simulated", weight=1.0, flags="")
    prompts = pd.DataFrame(
        [{"prompt": "p1", "source": "made up", "licence": "CC0-1.0", "topics": "", "split": "train", "text_en": "?"}]
    )
    return Feedback.of(prompts, items, people, frame, points=5)


def counted() -> Feedback:
    """Four raters, three items, eleven ratings; used for counts worked out by hand."""
    raters: dict[str, dict[str, str | None]] = {
        "r1": {"gender": "he", "politics": "liberal"},
        "r2": {"gender": "she", "politics": "centre"},
        "r3": {"gender": "she", "politics": "undeclared"},
        "r4": {"gender": None, "politics": "rather_liberal"},
    }
    ratings = [
        ("r1", "i1", "toxicity", 1),
        ("r1", "i2", "toxicity", 2),
        ("r2", "i1", "toxicity", 1),
        ("r2", "i2", "toxicity", 4),
        ("r3", "i1", "toxicity", 5),
        ("r4", "i1", "toxicity", 5),
        ("r1", "i1", "helpfulness", 3),
        ("r1", "i2", "helpfulness", 3),
        ("r2", "i1", "helpfulness", 4),
        ("r3", "i1", "helpfulness", 5),
        ("r4", "i1", "helpfulness", 5),
    ]
    return tables(ratings, raters, {"i1": "plain", "i2": "empathetic", "i3": None})


def drawn(seed: int, raters: int = 150, effect: float = 1.0) -> Feedback:
    """Ratings of both dimensions drawn from an ordinal model in which ``he`` has ``effect`` on toxicity."""
    rng = np.random.default_rng(seed)
    people: dict[str, dict[str, str | None]] = {
        f"r{number}": {
            "gender": str(rng.choice(["he", "she"])),
            "politics": str(rng.choice(["liberal", "rather_liberal", "centre", "conservative"])),
        }
        for number in range(raters)
    }
    items = {f"i{number}": str(rng.choice(["plain", "empathetic"])) for number in range(30)}
    item_effect = dict(zip(items, rng.normal(0, 0.7, len(items)), strict=True))
    ratings: list[tuple[str, str, str, int]] = []
    for rater, answers in people.items():
        for dimension in ("toxicity", "helpfulness"):
            own = rng.normal(0, 0.6) + (effect if answers["gender"] == "he" and dimension == "toxicity" else 0)
            for item in rng.choice(list(items), 6, replace=False):
                latent = own + item_effect[item] + rng.logistic()
                ratings.append((rater, str(item), dimension, 1 + int(np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent))))
    return tables(ratings, people, dict[str, Any](items))
