"""What is rewarded of a sampled response."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from transformers import AutoTokenizer

from pluralign.folder import StudyFolder
from pluralign.training.cache import Cache
from pluralign.training.rewards.models import RewardModel
from pluralign.training.tokens import Tokeniser, Tokens
from pluralign.training.tuning import sampling


class Lengths:
    """A reward model that likes long responses."""

    heads = ("kindness", "sense")

    def reward(self, _: str, answers: list[tuple[Tokens, Tokens]]) -> list[float]:
        return [len(response) for _, response in answers]


def test_blanks_around_a_response_are_not_rewarded(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokeniser = of(tiny, tmp_path)
    monkeypatch.setattr(sampling, "hidden_states", lambda _, answers: answers)
    reward, _ = sampling.rewards_of(cast("RewardModel", Lengths()), lambda: None, tokeniser)
    texts = ["Be kind.", "\n\nBe kind. \n", "", "\n\n"]
    rewards = reward(*sampled(texts))
    assert rewards[0] == rewards[1] > rewards[2] == rewards[3]


def test_a_batch_is_read_once_for_all_dimensions(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[Any] = []

    def read(_: object, answers: Any) -> Any:
        batches.append(answers)
        return answers

    monkeypatch.setattr(sampling, "hidden_states", read)
    rewards = sampling.rewards_of(cast("RewardModel", Lengths()), lambda: None, of(tiny, tmp_path))
    for texts in (["Be kind."], ["Be kind.", "Be rude."], ["Be kind."]):
        first, second = [reward(*sampled(texts)) for reward in rewards]
        assert first == second
        assert len(first) == len(texts)
    assert [len(batch) for batch in batches] == [1, 2, 1]


def of(tiny: Path, folder: Path) -> Tokeniser:
    cache: Cache[list[list[int]]] = Cache(StudyFolder(folder), "tokens", {})
    return Tokeniser(lambda: AutoTokenizer.from_pretrained(str(tiny)), cache)


def sampled(texts: list[str]) -> tuple[list[list[dict[str, Any]]], list[list[dict[str, Any]]]]:
    """Prompts and completions as TRL gives them."""
    return [[{"role": "user", "content": "How?"}]] * len(texts), [
        [{"role": "assistant", "content": text}] for text in texts
    ]
