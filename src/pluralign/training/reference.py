"""Log-probabilities of responses under the reference model, each computed once.

Conditions and seeds share most responses, and the reference model never changes. So each response is scored once, on
its own: its number depends neither on what else is in the data nor on how rows are put into batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pluralign.progress import Progress
from pluralign.training.rows import Row, Tokens

Sequence2 = tuple[Tokens, Tokens]


def sequences(rows: Iterable[Row]) -> set[Sequence2]:
    """Prompt and response of each row, twice: with the chosen and with the rejected response."""
    return {(row.prompt_ids, ids) for row in rows for ids in (row.chosen_ids, row.rejected_ids)}


def score(model: Any, wanted: Iterable[Sequence2], progress: Progress) -> dict[Sequence2, float]:
    """Log-probability of each response given its prompt, under ``model``."""
    import torch
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(model)
    scores = {}
    with torch.inference_mode():
        for prompt, response in sorted(wanted):
            ids = torch.tensor([[*prompt, *response]], device=model.device)
            labels = ids.clone()
            labels[:, : len(prompt)] = -100
            output = model(input_ids=ids, labels=labels, use_cache=False, fused_lm_head=True)
            scores[prompt, response] = float(output.log_probs.float().sum())
            progress.advance()
    return scores
