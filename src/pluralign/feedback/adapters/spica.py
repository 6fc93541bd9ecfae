"""SPICA's development ratings: five kinds of response to one prompt, rated within one person.

Source: the repository Social-Futures-Lab/SPICA-code (Chen et al., 2024), as a folder with the ratings of the
development scenarios (``dev_ratings.csv``) and the scenarios (``dev_scenarios.jsonl``), plain or gzipped. A person's
ratings of different cases cannot be joined, so a *rating set* (one person on one case) stands for the rater: raters
look more numerous and independent than they were, and group differences look more certain. The texts taken are the
scenarios' ``gpt`` responses; that these were the ones shown is inferred by the authors of the copy, not stated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.errors import SchemaError
from pluralign.feedback.adapters.assemble import Imported, assemble
from pluralign.feedback.adapters.files import one_of, read_csv, read_json_lines
from pluralign.feedback.adapters.layout import Answers, Layout
from pluralign.feedback.adapters.rows import Rows

LAYOUT = Layout(
    points=5,
    rater="rating_set",
    item="item",
    prompt="case_id",
    prompt_text={"en": "prompt"},
    response={"en": "response"},
    dimensions={"response_appropriateness": "response_rating", "strategy_appropriateness": "strategy_rating"},
    context="strategy",
    position="position",
    first_position=0,
    demographics={
        "party": Answers("party"),
        "religiosity": Answers("religiosity"),
    },
    source="SPICA, development scenarios (prompts from PRISM)",
    model="gpt-4",
)
_RATED = ("case_id", "party", "religiosity", "rating_set", "position", "strategy", "response_index")
COLUMNS = (*_RATED, *LAYOUT.dimensions.values())


def files(path: Path) -> list[Path]:
    """The files that are read from the folder ``path``."""
    return [one_of(path, ["dev_ratings.csv"]), one_of(path, ["dev_scenarios.jsonl"])]


def read(path: Path, *, drop_invalid: bool, held_out: float, seed: int) -> Imported:
    """Read the ratings and scenarios in the folder ``path``."""
    rated, told = files(path)
    rows = Rows(read_csv(rated, COLUMNS), rated, drop_invalid)
    texts = _texts(told)
    shown = pd.Series(
        list(zip(rows.frame["case_id"], rows.frame["strategy"], rows.frame["response_index"], strict=True)),
        index=rows.frame.index,
    )
    rows.refuse(
        ~shown.isin(texts.index),
        "without a text",
        lambda row: (
            f"{told.name} has no response {row['response_index']} of the strategy {row['strategy']} to the case "
            f"{row['case_id']}"
        ),
    )
    frame = rows.frame.copy()
    keys = [frame[name] for name in ("case_id", "strategy", "response_index")]
    found = texts.reindex(pd.MultiIndex.from_arrays(keys))
    frame["item"] = keys[0] + "-" + keys[1] + "-" + keys[2]
    frame[["prompt", "response"]] = found[["prompt", "response"]].to_numpy()
    feedback, dropped = assemble(frame, LAYOUT, rated, drop_invalid=drop_invalid, held_out=held_out, seed=seed)
    return feedback, rows.dropped | dropped


def _texts(path: Path) -> pd.DataFrame:
    """Prompts and responses by case, strategy and number of the response."""
    rows = []
    for line, scenario in read_json_lines(path, ("case_id", "prompt", "responses")):
        try:
            rows += _responses(scenario)
        except (AttributeError, KeyError, TypeError):
            raise SchemaError(
                f"{path}, line {line}: responses.gpt does not map strategies to lists of texts. Check that this is the "
                "file meant."
            ) from None
    index = ["case_id", "strategy", "response_index"]
    return pd.DataFrame(rows, columns=[*index, "prompt", "response"]).drop_duplicates(index).set_index(index)


def _responses(scenario: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    return [
        (scenario["case_id"], strategy, str(number), scenario["prompt"], text)
        for strategy, texts in scenario["responses"]["gpt"].items()
        for number, text in enumerate(texts)
    ]
