"""Mistakes in the settings that an experiment tries."""

from __future__ import annotations

import pytest

from pluralign.errors import ConfigError
from pluralign.study import Search, parse
from tests.training.examples import TEMPLATE

TWO = "{settings: [{learning_rate: 0.001}, {learning_rate: 0.01}]}"
SFT = "training: {method: sft}"


def searching(search: str, condition: str = "") -> str:
    text = TEMPLATE.format(model="smollm2") + f"    search: {search}\n"
    changed = f", {condition}" if condition else ""
    return text.replace("{key: b, policy: preserve, scale: 2}", f"{{key: b, policy: preserve, scale: 2{changed}}}")


@pytest.mark.parametrize(
    ("search", "condition", "message"),
    [
        ("{settings: [{learning_rate: 0.001}]}", "", "settings"),
        (
            "{settings: [{learning_rate: 0.001, kl_beta: 0.1}, {learning_rate: 0.01}]}",
            "",
            "kl_beta is read by no condition's method",
        ),
        (
            "{settings: [{learning_rate: 0.001, dpo_beta: 0.1}, {learning_rate: 0.001, dpo_beta: 0.5}]}",
            SFT,
            "differs from number 1 in nothing that condition b reads (`method: sft`)",
        ),
        (TWO, "training: {learning_rate: 0.1}", "is never used, since `search` tries other values"),
        (
            "{settings: [{learning_rate: 0.001}, {learning_rate: 0.01}], seeds: [1]}",
            "",
            "is 1, which is a seed of the experiment's models",
        ),
        ("{settings: [{learning_rate: 0.001}, {learning_rate: 0.01}], set_aside: 1.0}", "", "set_aside"),
    ],
)
def test_a_budget_that_is_not_equal_or_not_apart_is_a_mistake(search: str, condition: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(searching(search, condition))
    assert message in str(raised.value)


def test_settings_may_hold_what_only_some_methods_read() -> None:
    mixed = "{settings: [{learning_rate: 0.001, dpo_beta: 0.1}, {learning_rate: 0.01, dpo_beta: 0.5}]}"
    found = parse(searching(mixed, SFT)).experiments[0].search
    assert isinstance(found, Search)
    assert [one.dpo_beta for one in found.settings] == [0.1, 0.5]
