"""The demo corpus: complete, as stated, and made again by the command that its provenance names."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from pluralign.corpus.demo import load_demo, making, provenance
from pluralign.corpus.demo.__main__ import remake
from pluralign.corpus.demo.loading import data_file
from pluralign.language_models import Sampling, conversation, generate, load, resolve
from pluralign.language_models.folders import smollm2_gguf
from pluralign.manifests import digest_file
from pluralign.records import ITEMS, PROMPTS, check

PERSPECTIVES = ("none", "republican_voter", "patriarchy", "empathetic", "equality")


def test_there_are_64_prompts_in_both_languages_a_quarter_held_out() -> None:
    prompts, _ = load_demo()

    assert Counter(prompts["split"]) == {"train": 48, "held-out": 16}
    for name in ("text_en", "text_de"):
        assert prompts[name].notna().all()
        assert prompts[name].is_unique
    check(prompts, PROMPTS, "demo corpus")


def test_every_topic_is_in_both_splits() -> None:
    prompts, _ = load_demo()

    topics = prompts["topics"].str.partition(";")[0]
    assert Counter(topics[prompts["split"] == "held-out"]) == dict.fromkeys(topics, 2)


def test_every_prompt_is_answered_under_every_perspective() -> None:
    prompts, items = load_demo()

    pairs = zip(items["prompt"], items["context"], strict=True)
    assert sorted(pairs) == sorted((prompt, context) for prompt in prompts["prompt"] for context in PERSPECTIVES)
    assert items["text_en"].str.len().min() > 0
    assert set(items["origin_en"]) == {"generated"}
    check(items, ITEMS, "demo corpus")


def test_every_response_has_a_german_translation_marked_as_such() -> None:
    _, items = load_demo()

    assert items["text_de"].str.len().min() > 0
    assert set(items["origin_de"]) == {"translated"}


def test_a_translation_keeps_paragraphs_and_breaks_off_where_the_response_does() -> None:
    _, items = load_demo()

    ended = re.compile(r"[.!?…:“”\"*)]$")
    for row in items.to_dict("records"):
        assert row["text_en"].count("\n\n") == row["text_de"].count("\n\n"), row["item"]
        assert bool(ended.search(row["text_en"])) == bool(ended.search(row["text_de"])), row["item"]
        assert 0.7 < len(row["text_de"]) / len(row["text_en"]) < 1.6, row["item"]


def test_german_speaks_to_the_reader_in_one_form() -> None:
    prompts, items = load_demo()

    # A polite "Sie", "Ihnen", "Ihr" stands inside a sentence with a capital letter; at its beginning it may be "she".
    polite = re.compile(r"(?<=[a-zäöüß,;] )(Sie|Ihnen|Ihr|Ihre[mnrs]?)\b")
    gendered = re.compile(r"\w[*:_]innen|\wInnen\b")
    for text in [*prompts["text_de"], *items["text_de"]]:
        assert not polite.search(text), text
        assert not gendered.search(text), text


def test_english_responses_and_prompts_are_those_of_the_provenance(tmp_path: Path) -> None:
    for name, digest in provenance()["sha256"].items():
        (tmp_path / name).write_bytes(data_file(name).encode())
        assert digest_file(tmp_path / name) == digest


def test_provenance_is_what_would_be_made_now() -> None:
    made = provenance()

    assert made["perspectives"] == {
        context.key: context.instruction["en"] if context.instruction else None for context in making.study().contexts
    }
    assert made["model"]["gguf_sha256"] == digest_file(smollm2_gguf())
    assert {name: made["generation"][name] for name in ("max_new_tokens", "temperature", "top_p", "seed")} == {
        "max_new_tokens": 64, "temperature": 0.8, "top_p": 0.95, "seed": 0,
    }  # fmt: skip


def test_generation_of_an_item_names_its_instruction_and_length() -> None:
    _, items = load_demo()

    generation = items.set_index("item")["generation"].map(json.loads)
    assert generation["work-1.none"]["instruction"] is None
    assert "men should lead" in generation["work-1.patriarchy"]["instruction"]
    assert all(1 <= one["tokens"] <= 64 for one in generation)
    assert all(one["finished"] or one["tokens"] == 64 for one in generation)


@pytest.mark.slow
def test_responses_are_generated_again_as_shipped() -> None:
    """The first tokens of the batch with the longest conversations, the first one of the run that made the corpus and
    so the one with the seed that ``generate`` takes here.
    """
    prompts, items = load_demo()
    made = provenance()["generation"]
    model, tokenizer = load(resolve("smollm2"), dtype=made["dtype"], device=made["device"])
    texts = prompts.set_index("prompt")["text_en"]
    conversations = [
        conversation(texts[prompt], json.loads(generation)["instruction"])
        for prompt, generation in zip(items["prompt"], items["generation"], strict=True)
    ]
    lengths = [
        len(tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"])
        for turns in conversations
    ]
    longest = sorted(range(len(items)), key=lambda index: (-lengths[index], index))[: made["batch_size"]]
    sampling = Sampling(16, made["temperature"], made["top_p"], made["seed"])

    again = generate(model, tokenizer, [conversations[index] for index in longest], sampling, batch_size=len(longest))

    assert min(len(reply.text) for reply in again) > 20
    for index, reply in zip(longest, again, strict=True):
        assert items["text_en"].iloc[index].startswith(reply.text), items["item"].iloc[index]


def test_command_writes_responses_and_provenance(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "SMOLLM2", str(tiny))
    monkeypatch.setattr(making, "SAMPLING", Sampling(max_new_tokens=2))

    result = CliRunner().invoke(remake, [str(tmp_path)])

    assert result.exit_code == 0, result.output
    made = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert made.keys() == provenance().keys()
    assert made["generation"].keys() == provenance()["generation"].keys()
    assert made["sha256"]["responses_en.csv"] == digest_file(tmp_path / "responses_en.csv")
    assert made["sha256"]["prompts.csv"] == provenance()["sha256"]["prompts.csv"]
