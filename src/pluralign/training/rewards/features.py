"""What a reward model reads of a response: the base model's hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pluralign.training.tokens import Tokens

FloatArray = NDArray[np.float64]


def hidden_states(model: Any, answers: Sequence[tuple[Tokens, Tokens]]) -> FloatArray:
    """Means of the last layer's hidden states over the tokens of each response, (n, width).

    ``answers`` are tokens of prompts and responses; an empty response is read at the last token of its prompt. An
    adapter on ``model`` is switched off: the reward reads the base model, whatever the policy has become.
    """
    import torch

    rows = []
    adapted = hasattr(model, "disable_adapter")
    autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=model.dtype == torch.bfloat16)
    with torch.no_grad(), autocast:
        for prompt, response in answers:
            ids = torch.tensor([[*prompt, *response]], device=model.device)
            if adapted:
                with model.disable_adapter():
                    states = _last(model, ids)
            else:
                states = _last(model, ids)
            begin = min(len(prompt), ids.shape[1] - 1)
            rows.append(states[begin:].float().mean(dim=0).double().cpu().numpy())
    return np.stack(rows)


def _last(model: Any, ids: Any) -> Any:
    output = model(input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=1)
    return output.hidden_states[-1][0]
