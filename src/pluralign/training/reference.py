"""Log-probabilities of responses under the reference model, each computed once.

Conditions and seeds share most responses, and the reference model never changes. So each response is scored once, on
its own: its number depends neither on what else is in the data nor on how rows are put into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pluralign.progress import Progress
from pluralign.training.rows import Row, Tokens

Answered = tuple[Tokens, Tokens]
"""The tokens of a prompt and of a response to it."""

Scores = Mapping[Answered, float]
"""Log-probability of the response given the prompt."""


def answers(rows: Iterable[Row]) -> set[Answered]:
    """Every prompt and response in ``rows``."""
    return {(row.prompt_ids, ids) for row in rows for ids in (row.chosen_ids, row.rejected_ids)}


def score(model: Any, wanted: Iterable[Answered], progress: Progress) -> dict[Answered, float]:
    """Log-probability of each response given its prompt, under ``model``; ``progress`` is advanced by one for each."""
    import torch

    from pluralign.training.log_probs import response_log_probs

    scores = {}
    # The trainer runs the policy model under the same autocasting.
    autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=model.dtype == torch.bfloat16)
    with torch.inference_mode(), autocast:
        for prompt, response in sorted(wanted):
            ids = torch.tensor([[*prompt, *response]], device=model.device)
            mask = torch.tensor([[0] * len(prompt) + [1] * len(response)], device=model.device)
            scores[prompt, response] = float(response_log_probs(model, ids, torch.ones_like(ids), mask))
            progress.advance()
    return scores
