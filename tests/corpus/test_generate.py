"""Items from prompts, perspectives and a language model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pluralign.corpus import generate as generating
from pluralign.corpus.generate import BATCH_SIZE, Arithmetic, generate_items
from pluralign.errors import ConfigError, DataError
from pluralign.language_models import Generated, Sampling, model_digest
from pluralign.progress import Silent
from pluralign.records import ITEMS, check
from pluralign.study import Context

SAMPLING = Sampling(max_new_tokens=6, seed=3)
CONTEXTS = tuple(
    Context.model_validate(one)
    for one in (
        {"key": "none", "label": {"en": "None"}},
        {"key": "kind", "label": {"en": "Kind"}, "instruction": {"en": "Be kind."}},
    )
)


class Teller(Silent):
    """Keeps what it is told; stops the work after ``batches`` steps of progress."""

    def __init__(self, batches: int = 10**9) -> None:
        self.said: list[str] = []
        self.batches = batches

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, n: int = 1, note: str = "") -> None:  # noqa: ARG002
        self.batches -= 1
        if not self.batches:
            raise KeyboardInterrupt


def prompts(number: int) -> pd.DataFrame:
    names = [f"p{one}" for one in range(number)]
    return pd.DataFrame({"prompt": names, "text_en": [f"Who is {name}?" for name in names]})


def items_of(model: Path, cache: Path, **other: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"prompts": prompts(2), "contexts": CONTEXTS, "language": "en", "sampling": SAMPLING}
    return generate_items(model=str(model), cache_folder=cache, **(settings | other))


def test_every_prompt_gets_an_item_under_every_perspective(tiny: Path, tmp_path: Path) -> None:
    items = items_of(tiny, tmp_path)

    assert items["item"].tolist() == ["p0.none", "p0.kind", "p1.none", "p1.kind"]
    assert items["prompt"].tolist() == ["p0", "p0", "p1", "p1"]
    assert items["context"].tolist() == ["none", "kind", "none", "kind"]
    assert items["text_en"].str.len().min() > 0
    assert items["text_en"].nunique() == 4
    assert set(items["origin_en"]) == {"generated"}
    check(items, ITEMS, "the result")


def test_generation_says_how_the_text_was_made(tiny: Path, tmp_path: Path) -> None:
    generation = [
        json.loads(text) for text in items_of(tiny, tmp_path, arithmetic=Arithmetic("float32", "cpu"))["generation"]
    ]

    assert generation[1] == {
        "model_digest": model_digest(tiny), "dtype": "float32", "device": "cpu",
        "batch_size": BATCH_SIZE, "language": "en", "instruction": "Be kind.", "tokens": 6, "finished": False,
        "max_new_tokens": 6, "temperature": 0.8, "top_p": 0.95, "seed": 3,
    }  # fmt: skip
    assert generation[0]["instruction"] is None


def test_model_is_named_without_its_place(tiny: Path, tmp_path: Path) -> None:
    assert set(items_of(tiny, tmp_path)["model"]) == {"tiny"}


def test_without_perspectives_a_prompt_gets_one_item(tiny: Path, tmp_path: Path) -> None:
    items = items_of(tiny, tmp_path, contexts=())

    assert items["item"].tolist() == ["p0", "p1"]
    assert items["context"].isna().all()
    check(items, ITEMS, "the result")


def test_stopped_generation_goes_on_and_ends_with_the_same_items(tiny: Path, tmp_path: Path) -> None:
    many = prompts(BATCH_SIZE)
    unbroken = items_of(tiny, tmp_path / "unbroken", prompts=many)
    with pytest.raises(KeyboardInterrupt):
        items_of(tiny, tmp_path / "stopped", prompts=many, progress=Teller(batches=1))
    finished = list((tmp_path / "stopped").rglob("batch-*.json"))
    assert len(finished) == 1
    times = {file: file.stat().st_mtime_ns for file in finished}

    resumed = items_of(tiny, tmp_path / "stopped", prompts=many)

    pd.testing.assert_frame_equal(resumed, unbroken)
    assert {file: file.stat().st_mtime_ns for file in finished} == times


def test_other_settings_do_not_reuse_what_was_generated(tiny: Path, tmp_path: Path) -> None:
    items_of(tiny, tmp_path)

    items_of(tiny, tmp_path, sampling=Sampling(max_new_tokens=6, seed=4))

    assert len(list(tmp_path.iterdir())) == 2


def test_empty_responses_are_left_out_and_told(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_only(monkeypatch, ["Yes.", "", "No.", ""])
    told = Teller()

    items = items_of(tiny, tmp_path, progress=told)

    assert items["item"].tolist() == ["p0.none", "p1.none"]
    assert told.said == ["Left out, empty responses: 2."]


def test_nothing_but_empty_responses_is_an_error(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_only(monkeypatch, [""] * 4)

    with pytest.raises(DataError, match="every response was empty"):
        items_of(tiny, tmp_path)


def test_prompts_without_text_in_the_language_are_left_out_and_told(tiny: Path, tmp_path: Path) -> None:
    told = Teller()

    items = items_of(tiny, tmp_path, prompts=prompts(3).replace("Who is p1?", None), progress=told)

    assert items["prompt"].unique().tolist() == ["p0", "p2"]
    assert told.said == ["Left out, prompts without text in en: 1."]


def test_language_without_any_prompt_is_an_error(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no prompt has text in the language 'de'; found en"):
        items_of(tiny, tmp_path, language="de")


def test_perspective_without_instruction_in_the_language_is_an_error(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kind has no instruction in the language 'de'; found en"):
        items_of(tiny, tmp_path, prompts=prompts(2).assign(text_de="Wer?"), language="de")


def answer_only(monkeypatch: pytest.MonkeyPatch, texts: Sequence[str]) -> None:
    """Let the model answer with ``texts``."""

    def answers(*_: object, **__: object) -> list[Generated]:
        return [Generated(text=text, finished=True, tokens=len(text)) for text in texts]

    monkeypatch.setattr(generating, "generate", answers)
