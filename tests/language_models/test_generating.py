"""Replies: seeded, batched, the same whatever ran before, and after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pluralign.errors import ConfigError, ConvergenceError, DataError
from pluralign.language_models import Parts, Sampling, conversation, generate, load, resolve
from pluralign.progress import Silent

CONVERSATIONS = [
    conversation("Who should cook?"),
    conversation("My daughter wants to become a pilot, and her uncle laughed at her. What can I tell her?"),
    conversation("Who decides?", "You answer briefly."),
    conversation("Name a job."),
    conversation("Name a job."),
]
SAMPLING = Sampling(max_new_tokens=8, temperature=1.0, top_p=0.9, seed=3)


@pytest.fixture(scope="module")
def loaded(tiny: Path) -> tuple[Any, Any]:
    return load(tiny, dtype="float32", device="cpu")


class StopAfter(Silent):
    """Interrupts a run after some batches, as Ctrl-C would."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def advance(self, n: int = 1, note: str = "") -> None:  # noqa: ARG002
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


class Count(Silent):
    """Counts the replies reported."""

    def __init__(self) -> None:
        self.seen = 0

    def advance(self, n: int = 1, note: str = "") -> None:  # noqa: ARG002
        self.seen += n


def test_a_perspective_becomes_the_system_turn() -> None:
    assert conversation("Why?", "Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Why?"},
    ]
    assert conversation("Why?") == [{"role": "user", "content": "Why?"}]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"max_new_tokens": 0}, "max_new_tokens"), ({"temperature": -1.0}, "temperature"), ({"top_p": 0.0}, "top_p")],
)
def test_impossible_sampling_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Sampling(**wrong)


def test_equal_arguments_give_equal_replies_whatever_ran_before(loaded: tuple[Any, Any]) -> None:
    import torch

    first = generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=2)
    torch.rand(7)
    state = torch.random.get_rng_state()
    again = generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=2)
    assert first == again
    assert torch.equal(state, torch.random.get_rng_state())


def test_another_seed_gives_other_replies_and_a_repeated_conversation_independent_ones(
    loaded: tuple[Any, Any],
) -> None:
    replies = generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=2)
    others = generate(*loaded, CONVERSATIONS, Sampling(8, 1.0, 0.9, seed=4), batch_size=2)
    assert replies != others
    assert replies[3] != replies[4]


def test_greedy_replies_do_not_depend_on_seed_or_batches(loaded: tuple[Any, Any]) -> None:
    alone = generate(*loaded, CONVERSATIONS, Sampling(8, 0.0, 1.0, seed=1), batch_size=1)
    together = generate(*loaded, CONVERSATIONS, Sampling(8, 0.0, 1.0, seed=2), batch_size=5)
    assert alone == together
    assert alone[3] == alone[4]


def test_replies_come_in_the_order_asked(loaded: tuple[Any, Any]) -> None:
    greedy = Sampling(6, 0.0)
    forwards = generate(*loaded, CONVERSATIONS, greedy, batch_size=2)
    backwards = generate(*loaded, CONVERSATIONS[::-1], greedy, batch_size=2)
    assert forwards == backwards[::-1]


def test_a_reply_that_reaches_the_limit_is_not_finished(loaded: tuple[Any, Any]) -> None:
    (reply,) = generate(*loaded, [conversation("Why?")], Sampling(5, 0.0))
    assert (reply.finished, reply.tokens) == (False, 5)


def test_a_reply_ends_where_the_model_ends_it(loaded: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    model, tokenizer = loaded
    words = tokenizer("Fine, thanks")["input_ids"]

    def scripted(input_ids: Any, **_: Any) -> Any:
        return torch.cat([input_ids, torch.tensor([[*words, 2, 2]])], dim=1)

    monkeypatch.setattr(model, "generate", scripted)
    (reply,) = generate(model, tokenizer, [conversation("How are you?")], SAMPLING)
    assert (reply.text, reply.finished, reply.tokens) == ("Fine, thanks", True, len(words))


def test_no_conversations_give_no_replies(loaded: tuple[Any, Any]) -> None:
    assert generate(*loaded, [], SAMPLING) == []


def test_a_conversation_longer_than_the_context_is_refused(loaded: tuple[Any, Any]) -> None:
    with pytest.raises(DataError, match=r"conversation 2 has .* Shorten it"):
        generate(*loaded, [conversation("short"), conversation("word " * 3000)], SAMPLING)


def test_a_stopped_run_goes_on_where_it_was_and_ends_with_the_same_replies(
    loaded: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=2)
    parts = Parts(tmp_path / "parts", "tiny")
    with pytest.raises(KeyboardInterrupt):
        generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=2, parts=parts, progress=StopAfter(2))
    assert len(list(parts.folder.rglob("batch-*.json"))) == 2
    model = loaded[0]
    whole = model.generate
    calls = []

    def counted(**given: Any) -> Any:
        calls.append(1)
        return whole(**given)

    monkeypatch.setattr(model, "generate", counted)
    count = Count()
    assert generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=2, parts=parts, progress=count) == undisturbed
    assert (len(calls), count.seen) == (1, len(CONVERSATIONS))


def test_parts_of_other_settings_or_weights_are_not_used(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=5, parts=Parts(tmp_path, "one"))
    other = Sampling(8, 1.0, 0.9, seed=9)
    assert generate(*loaded, CONVERSATIONS, other, batch_size=5, parts=Parts(tmp_path, "one")) == generate(
        *loaded, CONVERSATIONS, other, batch_size=5
    )
    generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=5, parts=Parts(tmp_path, "two"))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_part_is_made_again(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    parts = Parts(tmp_path, "tiny")
    first = generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=5, parts=parts)
    next(tmp_path.rglob("batch-*.json")).write_text("[{")
    assert generate(*loaded, CONVERSATIONS, SAMPLING, batch_size=5, parts=parts) == first


@pytest.mark.slow
def test_the_real_model_answers_in_sentences() -> None:
    model, tokenizer = load(resolve("smollm2"))
    (reply,) = generate(model, tokenizer, [conversation("What is the capital of France?")], Sampling(40, 0.0))
    assert "Paris" in reply.text
    assert reply.finished


def test_a_model_whose_weights_give_no_numbers_is_told_of(
    loaded: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model, tokenizer = loaded
    head = torch.full_like(model.get_output_embeddings().weight, float("nan"))
    monkeypatch.setattr(model.get_output_embeddings(), "weight", torch.nn.Parameter(head))
    with pytest.raises(ConvergenceError, match="probabilities are not numbers"):
        generate(model, tokenizer, [conversation("Why?")], Sampling(4))
