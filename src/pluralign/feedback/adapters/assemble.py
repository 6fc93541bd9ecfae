"""From the rows of a file and what its columns mean to the tables of a study."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from pluralign.errors import ConfigError, DataError
from pluralign.feedback import hashing
from pluralign.feedback.adapters.codes import code_of, coded
from pluralign.feedback.adapters.layout import Layout
from pluralign.feedback.adapters.rows import Rows, numbers
from pluralign.feedback.bundle import Feedback

Imported = tuple[Feedback, dict[str, int]]
"""Feedback, and the number of rows (or ratings) left out by reason."""

_ITEM, _PROMPT = "item (made)", "prompt (made)"


def assemble(
    frame: pd.DataFrame, layout: Layout, path: Path, *, drop_invalid: bool, held_out: float, seed: int
) -> Imported:
    """Check the rows of ``frame`` (text, indexed by line) and make the tables.

    ``held_out`` is the share of prompts set apart, by a seeded hash of their identifiers. Raises SchemaError for rows
    that are wrong, unless they are to be left out, and DataError where no rating remains.
    """
    if not 0 <= held_out < 1:
        raise ConfigError(f"The share of prompts held out is {held_out}; it must be at least 0 and less than 1.")
    rows = Rows(_with_keys(frame, layout), path, drop_invalid)
    item, prompt = layout.item or _ITEM, layout.prompt or _PROMPT
    rows.filled([layout.rater, item, prompt, *layout.response.values()])
    rows.constant(layout.rater, [answers.column for answers in layout.demographics.values()], "rater")
    told = [layout.context, layout.model_column, *layout.response.values()]
    rows.constant(item, [prompt, *(column for column in told if column)], "item")
    rows.constant(prompt, list(layout.prompt_text.values()), "prompt")
    for column, lowest in ((layout.seconds, 0), (layout.position, layout.first_position)):
        if column:
            rows.refuse_other_than_numbers(column, lowest)
    wide = rows.frame
    ratings = _ratings(rows, wide, layout, item)
    if ratings.empty:
        counted = "; ".join(f"{count} {reason}" for reason, count in rows.dropped.items()) or "the file has no rows"
        raise DataError(f"{path}: no rating is left ({counted}). Check the file and what its columns mean.")
    used = wide[wide[item].isin(ratings["item"]) & wide[layout.rater].isin(ratings["rater"])]
    feedback = Feedback.of(
        _prompts(used.drop_duplicates(prompt), layout, prompt, held_out, seed),
        _items(used.drop_duplicates(item), layout, item, prompt),
        _raters(used.drop_duplicates(layout.rater), layout, path),
        ratings,
        layout.points,
        where=str(path),
    )
    return feedback, rows.dropped


def _with_keys(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """The frame with identifiers of prompts and items where the file has none of its own."""
    frame = frame.copy()
    asked, answered = list(layout.prompt_text.values()), list(layout.response.values())
    if layout.prompt is None and asked:
        frame[_PROMPT] = _digests("prompt", frame, asked)
    if layout.item is None:
        frame[_ITEM] = _digests("item", frame, [layout.prompt or (_PROMPT if asked else ""), *answered])
    if layout.prompt is None and not asked:
        frame[_PROMPT] = frame[layout.item or _ITEM]
    return frame


def _digests(what: str, frame: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Identifiers made from the content of columns, the same in every file that holds the same texts."""
    named = [column for column in columns if column]
    joined = ("\x1f".join(row) for row in frame[named].itertuples(index=False, name=None))
    return [f"{what}-{hashlib.sha256(text.encode()).hexdigest()[:12]}" for text in joined]


def _ratings(rows: Rows, wide: pd.DataFrame, layout: Layout, item: str) -> pd.DataFrame:
    """One row per rating, after the checks that concern single ratings."""
    kept = {"rater": wide[layout.rater], "item": wide[item]}
    base = pd.DataFrame(kept, index=wide.index)
    base["seconds"] = numbers(wide[layout.seconds]) * layout.seconds_per_unit if layout.seconds else np.nan
    base["position"] = numbers(wide[layout.position]) + 1 - layout.first_position if layout.position else np.nan
    if layout.dimension and layout.value:
        parts = [base.assign(dimension=wide[layout.dimension], rated=wide[layout.value])]
    else:
        parts = [base.assign(dimension=name, rated=wide[column]) for name, column in layout.dimensions.items()]
    rows.frame = pd.concat(parts).sort_index(kind="stable")
    rows.filled(["dimension"])
    rows.with_value("rated")
    values = rows.on_scale("rated", layout.points, layout.values)
    rows.frame = rows.frame.assign(value=values)
    rows.unique(["rater", "item", "dimension"])
    ratings = rows.frame[["rater", "item", "dimension", "value", "seconds", "position"]].reset_index(drop=True)
    ratings["position"] = ratings["position"].astype("Int16")
    ratings["time"] = pd.Series(pd.NaT, index=ratings.index, dtype="datetime64[us, UTC]")
    ratings["attention"] = pd.Series(pd.NA, index=ratings.index, dtype="boolean")
    return ratings


def _prompts(used: pd.DataFrame, layout: Layout, prompt: str, held_out: float, seed: int) -> pd.DataFrame:
    apart = hashing.chosen(used[prompt], held_out, seed, "prompts")
    prompts = pd.DataFrame(
        {
            "prompt": used[prompt],
            "source": layout.source,
            "licence": layout.licence,
            "topics": "",
            "split": ["held-out" if one else "train" for one in apart],
        }
    )
    for language in layout.languages:
        column = layout.prompt_text.get(language)
        prompts[f"text_{language}"] = used[column] if column else None
    return prompts.reset_index(drop=True)


def _items(used: pd.DataFrame, layout: Layout, item: str, prompt: str) -> pd.DataFrame:
    context = used[layout.context].map(_context) if layout.context else None
    items = pd.DataFrame(
        {
            "item": used[item],
            "prompt": used[prompt],
            "context": context,
            "model": used[layout.model_column] if layout.model_column else layout.model,
            "generation": "{}",
            "review": "unreviewed",
        }
    )
    for language, column in layout.response.items():
        items[f"text_{language}"] = used[column]
        items[f"origin_{language}"] = "imported"
    return items.reset_index(drop=True)


def _context(text: str) -> str | None:
    """The name of a perspective in the form that study files use, null for none."""
    return code_of(text).replace("-", "_") or text.strip() or None


def _raters(used: pd.DataFrame, layout: Layout, path: Path) -> pd.DataFrame:
    first = next(iter(layout.response), None)
    raters = pd.DataFrame(
        {
            "rater": used[layout.rater],
            "language": used[layout.language_column] if layout.language_column else first,
            "origin": "imported",
            "weight": 1.0,
            "flags": "",
        }
    )
    for key, answers in layout.demographics.items():
        raters[key] = coded(used[answers.column], answers, path)
    return raters.reset_index(drop=True)
