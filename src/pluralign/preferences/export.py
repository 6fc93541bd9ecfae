"""Preference pairs in the form that TRL reads."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from pluralign.errors import ConfigError, DataError, MissingExtraError, PluralignError
from pluralign.preferences.matching import couples
from pluralign.storage import atomic_write

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Exported:
    """Where pairs were exported to, the number of rows written, and of rows left out as no true preference."""

    path: Path
    rows: int
    left_out: int


def to_trl(pairs: pd.DataFrame, prompts: pd.DataFrame, items: pd.DataFrame, language: str) -> pd.DataFrame:
    """TRL's conversational preference format: ``prompt, chosen, rejected`` (lists of messages), ``p, weight, pair``.

    The prompt is the user's turn; the perspective under which a response was generated is not part of it, since the
    tuned model is to answer that way unasked. Raises DataError for a pair whose texts are absent in ``language``.
    """
    asked = _texts(prompts, "prompt", language)
    answered = _texts(items, "item", language)
    columns = {
        "prompt": _messages(pairs["prompt"], asked, "user", language),
        "chosen": _messages(pairs["chosen"], answered, "assistant", language),
        "rejected": _messages(pairs["rejected"], answered, "assistant", language),
    }
    return pd.DataFrame({**columns, **{name: pairs[name].to_numpy() for name in ("p", "weight", "pair")}})


def true_preferences(pairs: pd.DataFrame) -> pd.DataFrame:
    """The rows that point the way in which their pair leans.

    Of two hard rows of one pair only that of the stronger direction remains; an even pair leaves none.
    """
    direction = (pairs["chosen"] < pairs["rejected"]).map({True: 1.0, False: -1.0})
    lean = (direction * pairs["weight"] * (2 * pairs["p"] - 1)).groupby(couples(pairs)).transform("sum")
    return pairs.loc[direction * lean > 1e-12]


def export_dataset(
    pairs: pd.DataFrame,
    prompts: pd.DataFrame,
    items: pd.DataFrame,
    language: str,
    path: Path,
    *,
    form: Literal["dataset", "jsonl"] = "dataset",
    plain: bool = False,
) -> Exported:
    """Write pairs for TRL to ``path``: a Hugging Face dataset folder, or a JSON Lines file.

    ``plain`` leaves out ``p`` and ``weight`` for trainers that cannot honour them, and with them every row that is
    no true preference (``true_preferences``). Raises ConfigError where ``path`` exists, DataError where nothing is
    left to write, MissingExtraError where the dataset form lacks its library.
    """
    if path.exists():
        raise ConfigError(f"{path}: exists already. Name another place, or remove it first.")
    kept = true_preferences(pairs) if plain else pairs
    if kept.empty:
        raise DataError(
            f"{path}: nothing to write; of {len(pairs)} rows none prefers one response. Export without the plain form, "
            "which keeps even splits as probabilities."
        )
    table = to_trl(kept, prompts, items, language)
    if plain:
        table = table.drop(columns=["p", "weight"])
    if form == "jsonl":
        lines = (json.dumps(row, ensure_ascii=False) for row in table.to_dict("records"))
        atomic_write(path, "".join(f"{line}\n" for line in lines))
    else:
        _write_dataset(table, path)
    return Exported(path=path, rows=len(table), left_out=len(pairs) - len(kept))


def _write_dataset(table: pd.DataFrame, path: Path) -> None:
    try:
        from datasets import Dataset
    except ImportError as error:
        raise MissingExtraError(
            "Writing a Hugging Face dataset needs the extra `train`: pip install 'pluralign[train]'. JSON Lines can be "
            "written without it."
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        Dataset.from_list(table.to_dict("records")).save_to_disk(beside)
        beside.rename(path)
    except OSError as error:
        raise PluralignError(
            f"{path}: could not be written ({error.strerror or error}). Make room or choose another place."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _texts(table: pd.DataFrame, key: str, language: str) -> pd.Series[str]:
    column = f"text_{language}"
    if column not in table.columns:
        known = ", ".join(name.removeprefix("text_") for name in table.columns if name.startswith("text_"))
        raise DataError(f'The {key}s have no texts in the language "{language}"; they have: {known or "none"}.')
    return table.set_index(key)[column]


def _messages(ids: pd.Series[str], texts: pd.Series[str], role: str, language: str) -> list[list[Message]]:
    found = texts.reindex(ids)
    if bool(found.isna().any()):
        first = ids[found.isna().to_numpy()].iloc[0]
        raise DataError(
            f'Pairs that lack a text in the language "{language}": {int(found.isna().sum())}, the first for want of '
            f"that of {first}. Make the pairs again from the present prompts and items."
        )
    return [[{"role": role, "content": text}] for text in found]
