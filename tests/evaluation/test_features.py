"""Features of texts: embedding and words, scaled; what cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

from pluralign.evaluation.features import learn, unreadable

TEXTS = ["Men lead, men follow.", "Women lead.", "Nobody’s fool, he said."]
EMBEDDINGS = np.random.default_rng(0).normal(size=(3, 4))


def test_words_of_one_text_only_are_left_out() -> None:
    assert learn(TEXTS, EMBEDDINGS).vocabulary == ("lead",)
    assert learn([*TEXTS, "nobody's men"], np.zeros((4, 4))).vocabulary == ("lead", "men", "nobody's")


def test_training_texts_have_mean_zero_and_mean_squared_length_one_half_per_block() -> None:
    seen = learn(TEXTS, EMBEDDINGS).of(TEXTS, EMBEDDINGS)
    assert seen.mean(axis=0) == pytest.approx(0)
    assert (seen[:, :4] ** 2).sum(axis=1).mean() == pytest.approx(0.5)
    assert (seen[:, 4:] ** 2).sum(axis=1).mean() == pytest.approx(0.5)


def test_a_new_text_is_seen_with_the_scale_of_the_training_texts() -> None:
    learnt = learn(TEXTS, EMBEDDINGS)
    alone = learnt.of(["They lead and lead."], EMBEDDINGS[:1])
    together = learnt.of(["They lead and lead.", "Other words"], EMBEDDINGS[:2])
    assert alone[0] == pytest.approx(together[0])
    assert alone[0, 4] > learnt.of(["They lead."], EMBEDDINGS[:1])[0, 4]


def test_texts_that_do_not_differ_give_zeros() -> None:
    seen = learn(["a a", "a a"], np.ones((2, 3))).of(["a a"], np.ones((1, 3)))
    assert (seen == 0).all()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "empty reply"),
        (" \n", "empty reply"),
        ("1. 2. ?!", "no words"),
        ("a " * 20_000, "longer than 20000 characters"),
        ("Ja.", None),
        ("Žena", None),
    ],
)
def test_unreadable_texts_have_a_reason(text: str | None, reason: str | None) -> None:
    assert unreadable(text) == reason
