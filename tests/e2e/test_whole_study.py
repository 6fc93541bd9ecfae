"""A whole study through the command line, on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pluralign.records import ITEMS, JUDGEMENTS, read
from tests.e2e.conftest import call


def test_every_stage_leaves_its_results(finished: Path) -> None:
    for path in (
        "analysis/forest.svg",
        "preferences/summary.csv",
        "runs/disagreement/preserve/seed-1/done.json",
        "runs/disagreement/majority/seed-2/done.json",
        "evaluation/agreement.csv",
        "evaluation/differences.csv",
        "report/index.html",
    ):
        assert (finished / path).is_file(), path
    assert not list(finished.rglob("*.part"))


def test_conditions_are_compared_on_equal_numbers_of_pairs(finished: Path) -> None:
    summary = pd.read_csv(finished / "preferences/summary.csv")
    assert summary.groupby("experiment")["matched_pairs"].nunique().eq(1).all()
    assert (summary["matched_pairs"] > 0).all()


def test_models_are_evaluated_on_prompts_that_no_pair_uses(finished: Path) -> None:
    prompts = pd.read_parquet(finished / "data/prompts.parquet")
    held_out = set(prompts.loc[prompts["split"] == "held-out", "prompt"])
    for pairs in (finished / "preferences").rglob("pairs.parquet"):
        assert not held_out & set(pd.read_parquet(pairs)["prompt"])
    for folder in (finished / "evaluation").rglob("seed-*"):
        assert set(read(folder / "items.parquet", ITEMS)["prompt"]) == held_out
        judged = read(folder / "judgements.parquet", JUDGEMENTS)
        assert judged.loc[judged["status"] == "unscored", "value"].isna().all()


def test_a_second_run_finds_everything_up_to_date(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    assert call("run", "--study", finished) == 0
    assert capsys.readouterr().err.count("up to date") == 5
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before


def test_each_result_says_what_it_was_made_from(finished: Path) -> None:
    for stage in ("analysis", "preferences", "runs", "evaluation", "report"):
        inputs = json.loads((finished / stage / "stage.json").read_text())
        assert inputs["pluralign"]
        assert str(finished) not in json.dumps(inputs)


def test_the_report_stands_alone(finished: Path) -> None:
    page = (finished / "report/index.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert 'src="http' not in page
    assert "<script" not in page
    assert "simulated" in page.lower()
