"""Log-probabilities of responses under a language model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from pluralign.training.tuning.layout import Layout

_IGNORED = -100
# Tokens above which the vocabulary's logits are made in parts, and made again for the gradient rather than kept.
_LOGITS_IN_MEMORY = 2048


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


def laid_out_log_probs(model: Any, head: Any, layout: Layout) -> Tensor:
    """Log-probabilities of the responses in ``layout``, shape (responses,), float32.

    ``model`` is called once; ``head`` maps its last hidden states to logits. Only at the places that precede a token of
    a response are there logits at all.
    """
    output = model(
        input_ids=layout.input_ids,
        attention_mask=layout.mask,
        position_ids=layout.positions,
        use_cache=False,
        output_hidden_states=True,
        logits_to_keep=1,
    )
    hidden = output.hidden_states[-1][layout.row, layout.place]
    if len(hidden) <= _LOGITS_IN_MEMORY:
        losses = _losses(head, hidden, layout.target)
    else:
        parts = zip(torch.split(hidden, _LOGITS_IN_MEMORY), torch.split(layout.target, _LOGITS_IN_MEMORY), strict=True)
        losses = torch.cat([checkpoint(_losses, head, *part, use_reentrant=False) for part in parts])
    sums = torch.zeros(layout.responses, dtype=losses.dtype, device=losses.device)
    return -sums.index_add(0, layout.owner, losses)


def _losses(head: Any, hidden: Tensor, target: Tensor) -> Tensor:
    return cross_entropy(head(hidden).float(), target, reduction="none")
