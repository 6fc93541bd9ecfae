"""A small bundle for tests: four raters, three items of two prompts, two dimensions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.feedback import Feedback


def prompts(**changes: list[Any]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "prompt": ["p1", "p2"],
        "text_en": ["May women lead?", "Do men cry?"],
        "source": ["test", "test"],
        "licence": ["own", "own"],
        "topics": ["", ""],
        "split": ["train", "held-out"],
    }
    return pd.DataFrame({**columns, **changes})


def items(**changes: list[Any]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "item": ["a", "b", "c"],
        "prompt": ["p1", "p1", "p2"],
        "context": ["none", None, "none"],
        "text_en": ["Yes, of course.", "No.", "I hear you."],
        "model": ["m", "m", "m"],
        "generation": ["{}", "{}", "{}"],
        "review": ["unreviewed", "unreviewed", "unreviewed"],
    }
    return pd.DataFrame({**columns, **changes})


def raters(**changes: list[Any]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "rater": ["r1", "r2", "r3", "r4"],
        "language": ["en", "en", "de", None],
        "origin": ["imported"] * 4,
        "weight": [1.0, 0.5, 2.0, 1.0],
        "flags": [""] * 4,
        "gender": ["she", "he", "they", None],
        "country": ["us", "us", "de", "undeclared"],
    }
    return pd.DataFrame({**columns, **changes})


def ratings(**changes: list[Any]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "rater": ["r1", "r1", "r2", "r3", "r3", "r4"],
        "item": ["a", "b", "a", "b", "c", "c"],
        "dimension": ["toxicity", "toxicity", "toxicity", "toxicity", "helpfulness", "helpfulness"],
        "value": [1, 2, 3, 4, 5, 3],
        "seconds": [2.5, None, 3.0, 4.0, 1.0, 2.0],
        "position": [1, 2, 1, 1, 2, 1],
        "time": [None] * 6,
        "attention": [True, None, True, False, True, True],
    }
    return pd.DataFrame({**columns, **changes})


def feedback() -> Feedback:
    return Feedback.of(prompts(), items(), raters(), ratings(), points=5)
