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

    heads = ("kindness",)

    def reward(self, _: str, answers: list[tuple[Tokens, Tokens]]) -> list[float]:
        return [len(response) for _, response in answers]


def test_blanks_around_a_response_are_not_rewarded(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "hidden_states", lambda _, answers: answers)
    cache: Cache[list[list[int]]] = Cache(StudyFolder(tmp_path), "tokens", {})
    tokeniser = Tokeniser(lambda: AutoTokenizer.from_pretrained(str(tiny)), cache)
    (reward,) = sampling.rewards_of(cast("RewardModel", Lengths()), lambda: None, tokeniser)
    texts = ["Be kind.", "\n\nBe kind. \n", "", "\n\n"]
    completions: list[list[dict[str, Any]]] = [[{"role": "assistant", "content": text}] for text in texts]
    rewards = reward([[{"role": "user", "content": "How?"}]] * len(texts), completions)
    assert rewards[0] == rewards[1] > rewards[2] == rewards[3]
