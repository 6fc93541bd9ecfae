"""Log-probabilities of responses under the reference model, each computed once.

Conditions and seeds share most responses, and the reference model never changes. So each response is scored once, on
its own: its number depends neither on what else is in the data nor on how rows are put into batches. It is kept on
disk, so that the next call, and every process of a grid, finds it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pluralign.manifests import digest_of
from pluralign.progress import Progress
from pluralign.training.cache import Cache
from pluralign.training.rows import Row
from pluralign.training.tokens import Tokens

Answered = tuple[Tokens, Tokens]
"""The tokens of a prompt and of a response to it."""


class Scores:
    """Log-probability of a response given its prompt, under one reference model in one arithmetic."""

    def __init__(self, cache: Cache[float]) -> None:
        self._cache = cache

    def __getitem__(self, answered: Answered) -> float:
        return self._cache[_key(answered)]

    def missing(self, wanted: Iterable[Answered]) -> list[Answered]:
        """Those of ``wanted`` that have not been scored yet, in an order that depends on nothing else."""
        return sorted(answered for answered in set(wanted) if _key(answered) not in self._cache)

    def add(self, answers: Sequence[Answered], values: Sequence[float]) -> None:
        """Keep the ``values`` of ``answers`` on disk."""
        for answered, value in zip(answers, values, strict=True):
            self._cache[_key(answered)] = value
        self._cache.keep()


def log_probs(model: Any, answers: Iterable[Answered], progress: Progress) -> list[float]:
    """Log-probability of each of ``answers`` under ``model``; ``progress`` is advanced by one for each."""
    values = []
    for answered in answers:
        values.append(_log_prob(model, answered))
        progress.advance()
    return values


def answers(rows: Iterable[Row]) -> set[Answered]:
    """Every prompt and response in ``rows``."""
    return {(row.prompt_ids, ids) for row in rows for ids in (row.chosen_ids, row.rejected_ids)}


def _log_prob(model: Any, answered: Answered) -> float:
    import torch

    from pluralign.training.tuning.log_probs import response_log_probs

    prompt, response = answered
    ids = torch.tensor([[*prompt, *response]], device=model.device)
    mask = torch.tensor([[0] * len(prompt) + [1] * len(response)], device=model.device)
    # The trainer runs the policy model under the same autocasting.
    autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=model.dtype == torch.bfloat16)
    with torch.no_grad(), autocast:
        return float(response_log_probs(model, ids, torch.ones_like(ids), mask))


def _key(answered: Answered) -> str:
    return digest_of(answered)
