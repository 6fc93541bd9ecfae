"""Replies to conversations: in batches, seeded, resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pluralign.errors import ConfigError, ConvergenceError, DataError
from pluralign.language_models.libraries import libraries
from pluralign.manifests import digest_of
from pluralign.progress import SILENT, Progress
from pluralign.storage import write_json

Conversation = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How text is generated. ``temperature`` 0 takes the likeliest token each time; ``seed`` matters above 0 only."""

    max_new_tokens: int = 64
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ConfigError(f"sampling: max_new_tokens is {self.max_new_tokens}; it must be at least 1.")
        if self.temperature < 0:
            raise ConfigError(f"sampling: temperature is {self.temperature}; it must be 0 or more.")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"sampling: top_p is {self.top_p}; it must lie above 0 and not above 1.")


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated text without special tokens. ``finished`` tells whether the model ended it itself."""

    text: str
    finished: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Where finished batches are kept, so that the same call goes on where it was stopped.

    ``identity`` names the weights (``model_digest``, and that of an adapter where there is one). Batches of other
    weights, conversations or settings lie in other sub-folders and are never mixed in.
    """

    folder: Path
    identity: str


def conversation(prompt: str, instruction: str | None = None) -> Conversation:
    """One user turn, after a system turn where a perspective's instruction is given."""
    system = [{"role": "system", "content": instruction}] if instruction else []
    return [*system, {"role": "user", "content": prompt}]


def generate(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Conversation],
    sampling: Sampling,
    *,
    batch_size: int = 16,
    progress: Progress = SILENT,
    parts: Parts | None = None,
) -> list[Generated]:
    """One reply to each conversation, in the order given.

    Conversations of similar length share a batch, padded on the left; the longest come first, so that a lack of memory
    shows at once. Each batch has a seed of its own, made of ``sampling.seed`` and the batch's number, and the random
    state outside is neither read nor changed: a reply depends on the arguments (all conversations, ``batch_size``) and
    not on what ran before. A conversation given several times gets several independent replies. ``progress`` is
    advanced by one a reply; starting and finishing it is the caller's.

    Raises DataError where a conversation with the reply would exceed the model's context, ConvergenceError where the
    model has weights that give no numbers.
    """
    encoded = _encode(model, tokenizer, conversations, sampling)
    kept = _part_folder(parts, model, encoded, sampling, batch_size)
    replies: dict[int, Generated] = {}
    for number, batch in enumerate(batches([len(tokens) for tokens in encoded], batch_size)):
        file = kept / f"batch-{number:05}.json" if kept else None
        done = _read_part(file, len(batch))
        if done is None:
            done = _reply(model, tokenizer, [encoded[index] for index in batch], sampling, number)
            if file:
                write_json([asdict(reply) for reply in done], file)
        replies.update(zip(batch, done, strict=True))
        progress.advance(len(batch))
    return [replies[index] for index in range(len(encoded))]


def _encode(model: Any, tokenizer: Any, conversations: Sequence[Conversation], sampling: Sampling) -> list[list[int]]:
    longest = model.config.max_position_embeddings - sampling.max_new_tokens
    encoded: list[list[int]] = []
    for number, turns in enumerate(conversations, 1):
        tokens = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
        if len(tokens) > longest:
            raise DataError(
                f"conversation {number} has {len(tokens)} tokens; the model takes {longest} beside a reply of "
                f"{sampling.max_new_tokens}. Shorten it."
            )
        encoded.append(tokens)
    return encoded


def batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Which conversations share a batch, by their places: those of similar length, the longest first."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _part_folder(
    parts: Parts | None, model: Any, encoded: list[list[int]], sampling: Sampling, batch_size: int
) -> Path | None:
    if parts is None:
        return None
    made_of: Mapping[str, Any] = {
        "identity": parts.identity,
        "conversations": encoded,
        "sampling": asdict(sampling),
        "batch_size": batch_size,
        "arithmetic": [str(model.dtype), model.device.type],
    }
    return parts.folder / digest_of(made_of)[:16]


def _read_part(file: Path | None, size: int) -> list[Generated] | None:
    if file is None or not file.is_file():
        return None
    try:
        replies = [Generated(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (ValueError, TypeError):
        return None
    return replies if len(replies) == size else None


def _reply(model: Any, tokenizer: Any, encoded: list[list[int]], sampling: Sampling, number: int) -> list[Generated]:
    torch, _ = libraries()
    width = max(len(tokens) for tokens in encoded)
    padded = [[tokenizer.pad_token_id] * (width - len(tokens)) + tokens for tokens in encoded]
    mask = [[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in encoded]
    ends = ends_of(model, tokenizer)
    was_training = model.training
    model.eval()
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []), torch.inference_mode():
        torch.manual_seed(_batch_seed(sampling.seed, number))
        try:
            output = model.generate(
                input_ids=torch.tensor(padded, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                generation_config=_generation_config(tokenizer, sampling, ends),
            )
        except RuntimeError as error:
            # As torch says it where it draws a token.
            if "probability tensor contains" not in str(error):
                raise
            raise ConvergenceError(
                "the model's probabilities are not numbers, so that nothing can be sampled"
            ) from error
    model.train(was_training)
    return [_generated(tokenizer, row[width:].tolist(), ends) for row in output]


def seed_from(text: str) -> int:
    """A seed for `Sampling` that follows from what it is for: seeds of different purposes have nothing in common."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _batch_seed(seed: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:7], "big")


def ends_of(model: Any, tokenizer: Any) -> list[int]:
    """The tokens with which the model may end a text."""
    stated = model.generation_config.eos_token_id
    stated = stated if isinstance(stated, list) else [stated]
    return sorted({int(token) for token in (*stated, tokenizer.eos_token_id) if token is not None})


def _generation_config(tokenizer: Any, sampling: Sampling, ends: list[int]) -> Any:
    _, transformers = libraries()
    settings: dict[str, Any] = {"do_sample": False}
    if sampling.temperature > 0:
        # top_k 0: the nucleus alone decides, whatever default the library or the model's own configuration has.
        settings = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    return transformers.GenerationConfig(
        max_new_tokens=sampling.max_new_tokens, pad_token_id=tokenizer.pad_token_id, eos_token_id=ends, **settings
    )


def _generated(tokenizer: Any, tokens: list[int], ends: list[int]) -> Generated:
    length = next((place for place, token in enumerate(tokens) if token in ends), None)
    kept = tokens if length is None else tokens[:length]
    text = tokenizer.decode(kept, skip_special_tokens=True).strip()
    return Generated(text=text, finished=length is not None, tokens=len(kept))
