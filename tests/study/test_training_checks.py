"""Mistakes in how models are tuned."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.errors import ConfigError
from pluralign.study import parse
from tests.training.examples import TEMPLATE


def changed(*changes: tuple[str, str]) -> str:
    text = TEMPLATE.format(model=Path("smollm2"))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


FIRST = "{key: a, policy: preserve, scale: 2}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steps: 4", "steps: 4, label_smoothing: 0.2", "label_smoothing is read only by the losses exo_pair"),
        ("steps: 4", "steps: 4, method: sft, dpo_beta: 0.2", "training.dpo_beta is read only with `method: dpo` or"),
        ("steps: 4", "steps: 4, method: sft, warm_up_steps: 2", "warm_up_steps is read only with"),
        ("steps: 4", "steps: 4, dpo_loss: sft, dpo_beta: 0.2", "dpo_beta is not read with `dpo_loss: sft`"),
        ("steps: 4", "steps: 4, dpo_loss: aot", "is preserve, whose pairs can be uncertain"),
        ("steps: 4", "steps: 4, dpo_loss: sigmod", "dpo_loss"),
        (FIRST, "{key: a, policy: mean, scale: 2, training: {method: kto}}", "knows preserve, majority"),
        (
            FIRST,
            "{key: a, policy: preserve, scale: 2, leniency: removed, training: {method: kto}}",
            "leaves no neutral value",
        ),
        (FIRST, "{key: a, policy: preserve, scale: 2, training: {method: sft, dpo_beta: 0.2}}", "dpo_beta is read"),
        (FIRST, "{key: a, policy: preserve, scale: 2, training: {steps: 9}}", "steps"),
        ("steps: 4", "steps: 4, kl_beta: 0.2", "kl_beta is read only with `method: grpo` or `method: rloo`"),
        (
            FIRST,
            "{key: a, policy: mean, scale: 2, training: {method: grpo}}",
            "knows preserve, group-balanced, maximin",
        ),
        (
            FIRST,
            "{key: a, policy: preserve, scale: 2, training: {method: rloo, responses_per_prompt: 3}}",
            "is 3, by which the 4 responses of a step (twice `batch_size`) cannot be divided",
        ),
        (
            FIRST,
            "{key: a, policy: preserve, scale: 2, training: {method: rloo, reward_scaling: none}}",
            "reward_scaling is read only with `method: grpo`",
        ),
    ],
)
def test_what_would_be_read_by_nothing_or_cannot_be_done_is_a_mistake(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(changed((old, new)))
    assert message in str(raised.value)


@pytest.mark.parametrize("policy", ["majority, ties: drop", "mean", "median", "unanimous"])
def test_losses_of_whole_batches_take_policies_whose_pairs_are_certain(policy: str) -> None:
    certain = ("policy: preserve", f"policy: {policy}")
    parse(changed(("steps: 4", "steps: 4, dpo_loss: aot")).replace(*certain))


def test_conditions_may_differ_in_their_optimiser() -> None:
    parse(changed((FIRST, "{key: a, policy: preserve, scale: 2, training: {method: kto, learning_rate: 0.001}}")))
    parse(changed(("steps: 4", "steps: 4, dpo_loss: robust, label_smoothing: 0.2")))
