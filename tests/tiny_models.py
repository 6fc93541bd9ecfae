"""A language model small enough for tests: random weights, the real tokenizer and chat template."""

from __future__ import annotations

import shutil
from pathlib import Path

from pluralign.language_models import resolve


def tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Write a two-layer Llama of width 32 with seeded random weights (about 6 MB, nearly all embeddings) to ``folder``.

    Tokenizer and chat template are SmolLM2's, so that conversations, padding and ends of text are as in a real model.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    real = resolve("smollm2")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(real / name, folder / name)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        initializer_range=0.1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    return folder
