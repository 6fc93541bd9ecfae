"""Log-probabilities of responses under a language model."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

_IGNORED = -100


def response_log_probs(model: Any, input_ids: Tensor, attention_mask: Tensor, response_mask: Tensor) -> Tensor:
    """Log-probability of each response given what stands before it.

    All arguments have the shape (rows, tokens), padded on the right; ``response_mask`` is 1 on the tokens of the
    response. Returns shape (rows,), in float32. Logits are made from the first response's first token on only: the
    vocabulary is large, and half of a conversation is its beginning.
    """
    first = int(response_mask.any(dim=0).nonzero()[0])
    kept = input_ids.shape[1] - first + 1
    output = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False, logits_to_keep=kept)
    logits = output.logits[:, :-1].float()
    wanted = input_ids.masked_fill(response_mask == 0, _IGNORED)[:, first:]
    losses = cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED, reduction="none")
    return -losses.view_as(wanted).sum(dim=1)
