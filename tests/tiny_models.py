"""A language model small enough for tests: random weights, a real tokenizer and chat template."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pluralign.language_models import resolve

_VOCABULARY = 4096


def tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Write a two-layer Llama of width 32 with seeded random weights (about 1 MB, most of it embeddings) to ``folder``.

    Tokenizer and chat template are SmolLM2's, so that conversations, padding and ends of text are as in a real model;
    only the rarer words are made of more tokens.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    real = resolve("smollm2")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(real / name, folder / name)
    _write_tokenizer(real / "tokenizer.json", folder / "tokenizer.json")
    config = LlamaConfig(
        vocab_size=_VOCABULARY,
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


def _write_tokenizer(real: Path, to: Path) -> None:
    """The tokenizer with its first and most frequent tokens alone: most of a tiny model's time goes by their number.

    Tokens are numbered in the order in which they were merged, so what is left out are the last numbers and merges.
    """
    content = json.loads(real.read_text(encoding="utf-8"))
    model = content["model"]
    left_out = len(model["vocab"]) - _VOCABULARY
    model["vocab"] = {token: number for token, number in model["vocab"].items() if number < _VOCABULARY}
    model["merges"] = model["merges"][:-left_out]
    to.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
