"""Every pair of responses to one prompt, and what stands against making a preference of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pluralign.errors import ConfigError
from pluralign.preferences.comparing import Comparison
from pluralign.preferences.opinions import Opinions

VERDICT = ("p", "why", "comparisons", "ties", "within_rater")


def candidate_pairs(items: pd.DataFrame, language: str) -> pd.DataFrame:
    """``prompt, first, second, reason`` of every two responses to one prompt, in the order of their ids.

    ``reason`` is ``rejected`` (by the review), ``no_text`` (in ``language``), ``same_text`` or "". Raises ConfigError
    where the responses have no texts in the language at all.
    """
    column = f"text_{language}"
    if column not in items.columns:
        known = ", ".join(name.removeprefix("text_") for name in items.columns if name.startswith("text_"))
        raise ConfigError(f'The responses have no texts in the language "{language}"; they have: {known or "none"}.')
    ordered = items.sort_values(["prompt", "item"], ignore_index=True)
    prompt, item = (ordered[name].to_numpy(dtype=object) for name in ("prompt", "item"))
    text = ordered[column].astype(object).where(ordered[column].notna(), "").str.strip().to_numpy(dtype=object)
    rejected = (ordered["review"] == "rejected").to_numpy()
    partners = _last_of_prompt(prompt) - np.arange(len(ordered))
    first = np.repeat(np.arange(len(ordered)), partners)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
    wrong = {
        "rejected": rejected[first] | rejected[second],
        "no_text": (text[first] == "") | (text[second] == ""),
        "same_text": text[first] == text[second],
    }
    reason = np.select(list(wrong.values()), list(wrong), default="")
    return pd.DataFrame({"prompt": prompt[first], "first": item[first], "second": item[second], "reason": reason})


def verdicts(compared: Iterable[tuple[Opinions, Comparison]]) -> pd.DataFrame:
    """``first, second``, the columns of VERDICT and ``n_first, n_second`` of every two rated responses of a prompt."""
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for opinions, comparison in compared:
        first, second = np.triu_indices(len(opinions.items), 1)
        part = {name: getattr(comparison, name)[first, second] for name in VERDICT}
        part |= {"first": opinions.items[first], "second": opinions.items[second]}
        part |= {"n_first": comparison.opinions[first, second], "n_second": comparison.opinions[second, first]}
        parts.append(part)
    names = ("first", "second", *VERDICT, "n_first", "n_second")
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in names})
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in names})


def _last_of_prompt(prompt: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Position of the last row of each row's prompt; equal prompts stand together."""
    ends = np.flatnonzero(np.r_[prompt[1:] != prompt[:-1], True]) if len(prompt) else np.array([], dtype=np.int64)
    return np.repeat(ends, np.diff(ends, prepend=-1))
