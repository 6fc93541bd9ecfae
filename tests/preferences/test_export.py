from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pluralign.errors import ConfigError, DataError
from pluralign.feedback import Feedback
from pluralign.preferences import export_dataset, make_pairs, to_trl
from tests.preferences.examples import DESIRABLE, condition, feedback

# a is preferred to b by two of three; a and c, and b and c, are evenly split.
BUNDLE = feedback(
    {
        "r1": {"a": 5, "b": 1},
        "r2": {"a": 4, "b": 3},
        "r3": {"a": 2, "b": 4},
        "r4": {"a": 5, "c": 1},
        "r5": {"a": 1, "c": 5},
        "r6": {"b": 5, "c": 1},
        "r7": {"b": 1, "c": 5},
    }
)


def pairs_of(bundle: Feedback, **settings: Any) -> pd.DataFrame:
    return make_pairs(bundle, condition(**settings), {"helpfulness": 1.0}, desirable=DESIRABLE, language="en")[0]


def test_pairs_become_conversations_in_trls_columns() -> None:
    pairs = pairs_of(BUNDLE)
    table = to_trl(pairs, BUNDLE.prompts, BUNDLE.items, "en")
    assert list(table.columns) == ["prompt", "chosen", "rejected", "p", "weight", "pair"]
    first = table.iloc[0].to_dict()
    assert first == {
        "prompt": [{"role": "user", "content": "question p"}],
        "chosen": [{"role": "assistant", "content": "reply a"}],
        "rejected": [{"role": "assistant", "content": "reply b"}],
        "p": pytest.approx(2 / 3),
        "weight": 1.0,
        "pair": "a>b",
    }


def test_a_missing_text_is_an_error_and_not_an_empty_reply() -> None:
    pairs = pairs_of(BUNDLE)
    items = BUNDLE.items.assign(text_en=BUNDLE.items["text_en"].where(BUNDLE.items["item"] != "b"))
    with pytest.raises(DataError, match=r'lack a text in the language "en": 1, .* that of b'):
        to_trl(pairs, BUNDLE.prompts, items, "en")
    with pytest.raises(DataError, match=r'prompts have no texts in the language "de"; they have: en'):
        to_trl(pairs, BUNDLE.prompts, BUNDLE.items, "de")


def test_a_dataset_folder_reads_back_as_it_was(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    pairs = pairs_of(BUNDLE)
    done = export_dataset(pairs, BUNDLE.prompts, BUNDLE.items, "en", tmp_path / "set")
    assert (done.rows, done.left_out) == (3, 0)
    loaded = datasets.load_from_disk(str(tmp_path / "set"))
    assert loaded.to_list() == to_trl(pairs, BUNDLE.prompts, BUNDLE.items, "en").to_dict("records")
    assert [file.name for file in tmp_path.iterdir()] == ["set"]


def test_json_lines_hold_one_row_a_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    export_dataset(pairs_of(BUNDLE), BUNDLE.prompts, BUNDLE.items, "en", path, form="jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["pair"] for row in rows] == ["a>b", "a>c", "b>c"]
    assert rows[0]["prompt"] == [{"role": "user", "content": "question p"}]


@pytest.mark.parametrize("rows", ["soft", "hard"])
def test_the_plain_form_keeps_only_the_direction_a_pair_leans_to(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "plain.jsonl"
    pairs = pairs_of(BUNDLE, rows=rows)
    done = export_dataset(pairs, BUNDLE.prompts, BUNDLE.items, "en", path, form="jsonl", plain=True)
    (row,) = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert row.keys() == {"prompt", "chosen", "rejected", "pair"}
    assert row["chosen"] == [{"role": "assistant", "content": "reply a"}]
    assert (done.rows, done.left_out) == (1, len(pairs) - 1)


def test_nothing_but_even_splits_leaves_nothing_to_write(tmp_path: Path) -> None:
    bundle = feedback({"r1": {"a": 5, "b": 1}, "r2": {"a": 1, "b": 5}})
    with pytest.raises(DataError, match="of 1 rows none prefers one response"):
        export_dataset(pairs_of(bundle), bundle.prompts, bundle.items, "en", tmp_path / "x", plain=True)
    assert not (tmp_path / "x").exists()


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="exists already"):
        export_dataset(pairs_of(BUNDLE), BUNDLE.prompts, BUNDLE.items, "en", tmp_path / "mine")
