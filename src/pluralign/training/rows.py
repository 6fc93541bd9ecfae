"""From preference pairs to the rows of tokens that the optimiser sees, in the order in which it sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pluralign.errors import DataError, ModelError

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A preference: response ``chosen`` is better than ``rejected`` with probability ``p``; its loss counts
    ``weight`` times. ``prompt_ids`` end where a response begins; ``chosen_ids`` and ``rejected_ids`` follow them.
    """

    chosen: str
    rejected: str
    prompt_ids: Tokens
    chosen_ids: Tokens
    rejected_ids: Tokens
    p: float
    weight: float

    @property
    def length(self) -> int:
        """Tokens of the prompt and the longer response."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))


def tokenise(table: pd.DataFrame, pairs: pd.DataFrame, tokenizer: Any) -> list[Row]:
    """The rows of ``pairs``, whose texts are in ``table`` (as ``preferences.to_trl`` gives it), as tokens.

    Raises ModelError where the chat template shows a question differently once it is answered: the model would be
    tuned on a context that it never meets.
    """
    rows = []
    for texts, pair in zip(table.to_dict("records"), pairs.to_dict("records"), strict=True):
        prompt = _tokens(tokenizer, texts["prompt"], add_generation_prompt=True)
        rows.append(
            Row(
                chosen=pair["chosen"],
                rejected=pair["rejected"],
                prompt_ids=prompt,
                chosen_ids=_response(tokenizer, prompt, [*texts["prompt"], *texts["chosen"]]),
                rejected_ids=_response(tokenizer, prompt, [*texts["prompt"], *texts["rejected"]]),
                p=float(pair["p"]),
                weight=float(pair["weight"]),
            )
        )
    return rows


def that_fit(rows: Sequence[Row], max_length: int, where: str) -> list[Row]:
    """The rows of at most ``max_length`` tokens; DataError where none is left. ``where`` names the data."""
    fitting = [row for row in rows if row.length <= max_length]
    if not fitting:
        shortest = min((row.length for row in rows), default=0)
        raise DataError(
            f"{where}: none of the {len(rows)} rows fits into training.max_length of {max_length} tokens; the "
            f"shortest needs {shortest}. Raise it to that at least."
        )
    return fitting


def ordered(rows: Sequence[Row], seed: int, number: int) -> list[Row]:
    """The first ``number`` rows of pass after pass over ``rows``, each pass shuffled anew.

    The place of a row follows from a hash of ``seed``, the pass and its two items. It depends neither on the order of
    the rows nor on the direction of the preference: conditions meet the pairs they share in the same order.
    """
    stream: list[Row] = []
    passes = 0
    while len(stream) < number:
        stream += sorted(rows, key=lambda row, count=passes: _place(row, seed, count))  # type: ignore[misc]
        passes += 1
    return stream[:number]


def _place(row: Row, seed: int, count: int) -> tuple[str, str]:
    first, second = sorted((row.chosen, row.rejected))
    return hashlib.sha256(f"{seed}\x00{count}\x00{first}\x00{second}".encode()).hexdigest(), row.chosen


def _response(tokenizer: Any, prompt: Tokens, messages: list[dict[str, str]]) -> Tokens:
    both = _tokens(tokenizer, messages, add_generation_prompt=False)
    if both[: len(prompt)] != prompt:
        raise ModelError(
            "The model's chat template shows a question differently once it is answered (as templates for reasoning "
            "models do), so that it cannot be tuned on pairs of answers. Choose another model."
        )
    return both[len(prompt) :]


def _tokens(tokenizer: Any, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> Tokens:
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=add_generation_prompt, return_dict=True)
    return tuple(encoded["input_ids"])
