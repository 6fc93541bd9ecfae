"""The data card: it counts what is there, names limits, and holds no text of the corpus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from pluralign.corpus.card import Corpus, card

PROMPTS = pd.DataFrame(
    {
        "prompt": ["a", "b", "c"],
        "source": ["x|y", "x|y", "z"],
        "licence": ["CC BY-NC 4.0", "CC BY-NC 4.0", "not stated"],
        "topics": ["work;pay", "work", ""],
        "split": ["train", "held-out", "train"],
        "text_en": ["Secret one?", "Secret two?", "Three?"],
        "text_de": ["Geheim?", None, None],
        "origin_de": ["translated", None, None],
    }
)
ITEMS = pd.DataFrame(
    {
        "item": ["a1", "b1"],
        "prompt": ["a", "b"],
        "context": ["none", None],
        "model": ["m", "m"],
        "generation": ["{}", "{}"],
        "review": ["approved", "unreviewed"],
        "review_de": ["approved", None],
        "severity": ["mild", None],
        "text_en": ["Secret answer", "Another"],
    }
)
SOURCES = [{"place": "a.csv", "read": 9, "dropped": {"repeats": 4, "broken lines": 2}}]
SELECTION: dict[str, Any] = {
    "rules": {"words": {}, "near_duplicates": 0.8, "seeds": []},
    "dropped": {"no keyword": 5, "not drawn": 0, "the same text": 1},
}
CORPUS = Corpus(
    title="Small", prompts=PROMPTS, items=ITEMS, languages=["en", "de"], sources=SOURCES, selection=SELECTION,
    digests={"prompts.parquet": "0abc"},
)  # fmt: skip


def test_counts_by_source_language_perspective_and_review() -> None:
    text = card(CORPUS)

    for row in (
        "| x\\|y | CC BY-NC 4.0 | 2 | 1 | 1 |",
        "| de | prompts | 1 | 7 | 7 | translated 1 |",
        "| work | 2 |",
        "| none | m | 1 | 1 | 1 | 0 |",
        "| – | m | 1 | 1 | 0 | 1 |",
        "| all languages | approved 1, unreviewed 1 |",
        "| severity | mild 1 |",
        "| import of a.csv (9 read) | repeats | 4 |",
        "| selection | no keyword | 5 |",
        "| rule: words | built-in lists |",
        "| SHA-256 of prompts.parquet | `0abc` |",
    ):
        assert row in text
    assert "not drawn" not in text
    assert text.index("no keyword") < text.index("the same text")


def test_limits_are_those_of_this_corpus() -> None:
    text = card(CORPUS)
    plain = card(replace(CORPUS, selection=None, items=None, prompts=PROMPTS.assign(licence="MIT", text_de="Ja?")))

    assert "67% of the prompts come from one source, x|y" in text
    assert "The licence of 1 prompt is not stated" in text
    assert "bind those who pass the texts on: CC BY-NC 4.0" in text
    assert "2 of 3 prompts have no text in de" in text
    assert "1 response was not reviewed" in text
    assert "no selection; near duplicates may be on both sides" in plain
    for absent in ("licence of", "bind", "have no text", "not reviewed"):
        assert absent not in plain


def test_no_text_is_in_the_card_and_the_order_of_rows_makes_no_difference() -> None:
    text = card(CORPUS)

    assert "Content warning" in text
    assert "Secret" not in text
    assert "Geheim" not in text
    assert card(replace(CORPUS, prompts=PROMPTS.iloc[::-1], items=ITEMS.iloc[::-1])) == text
