"""How far a tuned model has moved from the reference model, on its own responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pluralign.language_models import Sampling, conversation, generate
from pluralign.training.tokens import Tokens, answered

PROMPTS, TOKENS = 4, 24
"""Prompts that are answered, and tokens of a response at most."""


def divergence(model: Any, tokenizer: Any, prompts: Sequence[str], seed: int) -> dict[str, float]:
    """Kullback-Leibler divergence of the tuned from the reference model, in nats: ``per_token`` and ``per_response``.

    One response to each of the first PROMPTS ``prompts`` is sampled from the tuned ``model`` at temperature 1; at every
    token the divergence of the next token's distribution is summed over the whole vocabulary, which varies less than
    log-ratios of the sampled tokens do. The reference model is ``model`` with its adapter switched off.
    """
    import torch

    asked = [conversation(text) for text in prompts[:PROMPTS]]
    sampling = Sampling(TOKENS, temperature=1.0, top_p=1.0, seed=seed)
    total, tokens = 0.0, 0
    model.eval()
    autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=model.dtype == torch.bfloat16)
    with torch.no_grad(), autocast:
        replies = generate(model, tokenizer, asked, sampling)
        for turns, reply in zip(asked, replies, strict=True):
            prompt, response = answered(tokenizer, turns, reply.text)
            total += _of_response(model, prompt, response)
            tokens += len(response)
    return {
        "per_token": round(total / tokens, 6),
        "per_response": round(total / len(asked), 6),
        "responses": len(asked),
        "tokens": tokens,
    }


def _of_response(model: Any, prompt: Tokens, response: Tokens) -> float:
    import torch

    ids = torch.tensor([[*prompt, *response]], device=model.device)
    kept = len(response) + 1

    def log_probs() -> Any:
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits[0, :-1]
        return logits.float().log_softmax(-1)

    tuned = log_probs()
    with model.disable_adapter():
        reference = log_probs()
    return float((tuned.exp() * (tuned - reference)).sum())
