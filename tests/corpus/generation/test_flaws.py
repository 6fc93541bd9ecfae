"""Flaws that can be told without reading: each where it is, none where it is not."""

from __future__ import annotations

import pandas as pd
import pytest

from pluralign.corpus.demo import load_demo
from pluralign.corpus.generation.flaws import count_flaws, echoes, flaws_of, loops, stated_flaws
from pluralign.language_models import Reply

SOUND = (
    "Ask for a meeting, name what you have achieved, and state the sum you want. If the answer is no, ask what "
    "would have to change, and agree on a date to talk again. Keep a note of what was said."
)


@pytest.mark.parametrize(
    "text",
    [
        "I am here to help you. I am here to help you. I am here to help you.",
        "Well. I am here to help you. I am here to help you. I am here to help you. I am he",
        "She said " + "no " * 12,
        "1. Be kind\n2. Be kind\n3. Be kind\n4. Be kind\n5. Be kind",
        "a" * 40,
        " ".join(f"You can be {word} and you can be kind." for word in ["good", "true", "fair", "calm"]) * 2,
    ],
)
def test_a_text_that_goes_round_in_circles_is_seen(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize(
    "text",
    [SOUND, "", "No, no, no.", "Ha ha ha ha!", "Very, very, very good.", "1. Cook\n2. Clean\n3. Rest", "-" * 8],
)
def test_a_sound_text_does_not_loop(text: str) -> None:
    assert not loops(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I ask for a raise?",
        "how do I ask for a raise\n\nYou could ask for a meeting.",
        "Question: How do I ask for a raise?",
        "ask for a raise? How",
        "do I ask for a",
    ],
)
def test_saying_the_prompt_again_is_seen(text: str) -> None:
    assert echoes(text, "How do I ask for a raise?") is (text != "ask for a raise? How")


@pytest.mark.parametrize(
    ("text", "said"),
    [(SOUND, "How do I ask for a raise?"), ("Why not? Because.", "Why not?"), ("Yes.", "Should I say yes to it?")],
)
def test_an_answer_is_no_echo(text: str, said: str) -> None:
    assert not echoes(text, said)


def test_flaws_come_together_in_one_order() -> None:
    prompt, instruction = "How do I ask for a raise?", "Answer as a warm person who listens."
    assert flaws_of(Reply(SOUND, ended="stop"), prompt, instruction) == []
    assert flaws_of(Reply("", ended="length"), prompt, None) == ["empty", "truncated"]
    assert flaws_of(Reply(f"{instruction} Well", ended="length"), prompt, instruction) == ["truncated", "echoing"]
    assert flaws_of(Reply("I'm sorry, but I cannot help with that.", ended="stop"), prompt, None) == ["refusing"]


def test_flaws_are_counted_by_model_and_perspective() -> None:
    items = pd.DataFrame(
        {
            "model": ["a", "a", "b", "b"],
            "context": ["kind", None, "kind", "kind"],
            "generation": ['{"flaws": ["truncated", "looping"]}', '{"flaws": []}', '{"flaws": ["truncated"]}', "{}"],
        }
    )
    assert count_flaws(items).fillna({"perspective": "-"}).to_dict("records") == [
        {"model": "a", "perspective": "kind", "responses": 1, "looping": 1, "truncated": 1, "refusing": 0,
         "echoing": 0},
        {"model": "a", "perspective": "-", "responses": 1, "looping": 0, "truncated": 0, "refusing": 0,
         "echoing": 0},
        {"model": "b", "perspective": "kind", "responses": 2, "looping": 0, "truncated": 1, "refusing": 0,
         "echoing": 0},
    ]  # fmt: skip


@pytest.mark.parametrize("generation", ["", "no JSON", "[1]", '{"flaws": 3}', "{}"])
def test_items_that_state_no_flaws_have_none(generation: str) -> None:
    assert stated_flaws(generation) == []


def test_translations_of_a_response_have_its_flaws_mostly() -> None:
    _, items = load_demo()

    english = items["text_en"].map(loops)
    german = items["text_de"].map(loops)
    assert (english == german).mean() > 0.95
