"""How pairs of responses are laid out as tensors: both responses behind their prompt, which is read once.

A row is ``prompt first second``. Neither response sees the other: the attention mask hides the first response from the
second, whose positions begin where those of the first began. So every token meets what it would meet in a row of its
own, with a third less to compute where prompts are as long as responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pluralign.training.tokens import Tokens

# Attention over all earlier tokens, rotary positions, and logits that are a linear map of the last hidden state: known
# of these, and not of architectures with windows, recurrent layers or capped logits.
_SHARING = frozenset({"llama", "mistral", "qwen2", "qwen3", "smollm3"})


class Pair(NamedTuple):
    """A prompt and two responses to it, as tokens."""

    prompt: Tokens
    first: Tokens
    second: Tokens


@dataclass(frozen=True, slots=True)
class Layout:
    """n pairs as tensors. ``input_ids`` (n, tokens); ``mask`` (n, 1, tokens, tokens), true where the token of the third
    axis sees that of the fourth; ``positions`` (n, tokens).

    The m tokens of all responses: ``target`` is the token, ``row`` and ``place`` are where it is predicted, ``owner``
    is its response: first responses are numbered from 0, second ones from n; all have the shape (m,).
    """

    input_ids: Tensor
    mask: Tensor
    positions: Tensor
    row: Tensor
    place: Tensor
    target: Tensor
    owner: Tensor

    @property
    def responses(self) -> int:
        """Number of responses, 2n."""
        return 2 * len(self.input_ids)


def shares_prompts(config: Any) -> bool:
    """Whether a model of that configuration gives the same numbers when two responses share one row."""
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    plain = layers == {"full_attention"} and not (
        getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    )
    return config.model_type in _SHARING and plain and config._attn_implementation in ("sdpa", "eager")


def lay_out(pairs: Sequence[Pair], padding: int) -> Layout:
    """The pairs as tensors, padded on the right with the token ``padding``."""
    width = max(sum(map(len, pair)) for pair in pairs)
    input_ids = torch.full((len(pairs), width), padding)
    positions = torch.zeros((len(pairs), width), dtype=torch.long)
    mask = torch.ones(width, width, dtype=torch.bool).tril().repeat(len(pairs), 1, 1, 1)
    places: list[tuple[int, int, int, int]] = []
    for row, (prompt, first, second) in enumerate(pairs):
        begin, middle = len(prompt), len(prompt) + len(first)
        end = middle + len(second)
        input_ids[row, :end] = torch.tensor([*prompt, *first, *second])
        positions[row, :end] = torch.tensor([*range(middle), *range(begin, begin + len(second))])
        mask[row, 0, middle:, begin:middle] = False
        for owner, start, response in ((row, begin, first), (len(pairs) + row, middle, second)):
            # The token before a response is the last of the prompt for either.
            before = [begin - 1, *range(start, start + len(response) - 1)]
            places += [(row, place, token, owner) for place, token in zip(before, response, strict=True)]
    columns = torch.tensor(places).unbind(dim=1)
    return Layout(input_ids, mask, positions, *columns)
