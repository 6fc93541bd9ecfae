"""Language models as judges: behind a server, or on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pluralign.evaluation.rubric import Asking, Reply, RubricJudge
from pluralign.language_models import Conversation, Parts, Sampling, generate, load, model_digest, resolve
from pluralign.language_models.replies import kept_replies
from pluralign.language_models.served import ask
from pluralign.language_models.servers import Server
from pluralign.progress import Progress
from pluralign.storage import atomic_write
from pluralign.study import JudgeSettings, Study

_SECRET = "codes.txt"
_BATCH = 8


def served_judge(settings: JudgeSettings, study: Study, place: Path) -> RubricJudge:
    """A model behind an OpenAI-compatible server. Replies are kept in ``place``, so that nothing is asked twice.

    Raises ConfigError for an address that is none.
    """
    server = Server(url=settings.address or "", model=settings.model or "", key=settings.key_variable)
    sampling = Sampling(max_new_tokens=settings.max_new_tokens, temperature=0.0)

    def asking(conversations: Sequence[Conversation], progress: Progress) -> list[Reply]:
        with kept_replies(place / "replies.sqlite") as replies:
            found = ask(server, conversations, sampling, replies=replies, progress=progress)
        return [Reply(one.text, one.failure) for one in found]

    return _judge(settings, study, asking, place, {"model": settings.model or "", "server": server.public_url})


def local_judge(settings: JudgeSettings, study: Study, place: Path) -> RubricJudge:
    """A Hugging Face model on this machine. Raises ModelError where there is none of that name."""
    folder = resolve(settings.model or "")
    digest = model_digest(folder)
    sampling = Sampling(max_new_tokens=settings.max_new_tokens, temperature=0.0)

    # Loaded with the first question and kept as long as the judge is.
    loaded = cache(lambda: load(folder))

    def asking(conversations: Sequence[Conversation], progress: Progress) -> list[Reply]:
        model, tokenizer = loaded()
        longest = model.config.max_position_embeddings - settings.max_new_tokens
        replies = [Reply("", "longer than the judge can read")] * len(conversations)
        fits = []
        for number, turns in enumerate(conversations):
            tokens = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
            fits += [number] if len(tokens) <= longest else []
        found = generate(
            model,
            tokenizer,
            [conversations[number] for number in fits],
            sampling,
            batch_size=_BATCH,
            progress=progress,
            parts=Parts(place / "parts", digest),
        )
        progress.advance(len(conversations) - len(fits))
        for number, one in zip(fits, found, strict=True):
            replies[number] = Reply(one.text)
        return replies

    return _judge(settings, study, asking, place, {"model": digest})


def _judge(settings: JudgeSettings, study: Study, asking: Asking, place: Path, source: dict[str, str]) -> RubricJudge:
    source |= {"max_new_tokens": str(settings.max_new_tokens)}
    return RubricJudge(settings.key, study, asking, _secret(place), source)


def _secret(place: Path) -> bytes:
    """What decides the codes of this judge: drawn once, kept beside its replies, and known to no text."""
    path = place / _SECRET
    if not path.is_file():
        place.mkdir(parents=True, exist_ok=True)
        atomic_write(path, secrets.token_hex(16) + "\n")
    return path.read_bytes()
