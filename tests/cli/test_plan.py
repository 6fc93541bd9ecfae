"""``pluralign plan`` says how many raters are needed, writes table and figure, and refuses what makes no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pluralign.study import template_text
from tests.cli.conftest import Outcome

QUICK = ("--studies", 10, "--items", 20)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The template ``minimal`` without a term for items, which makes fits quick."""
    (tmp_path / "study.yaml").write_text(template_text("minimal").replace(" + (1 | item)", ""), encoding="utf-8")
    return tmp_path


def test_a_plan_prints_numbers_and_writes_table_figure_and_manifest(
    study: Path, command: Callable[..., Outcome]
) -> None:
    arguments = ("plan", "--study", study, "--dimension", "toxicity", "--group", "country=de", "--effect", 0.8, *QUICK)
    outcome = command(*arguments, "--check", 20)
    assert outcome.code == 0, outcome.err
    assert "odds of +0.800 (odds +123 %) of country de, 35.0 % of the raters, on toxicity with a power of 80 %" in (
        outcome.out
    )
    assert "Of 20 simulated studies of that size" in outcome.out
    assert "total" not in outcome.out
    table = pd.read_csv(study / "plan" / "plan.csv")
    assert table["power"].is_monotonic_increasing
    assert (study / "plan" / "plan.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert (study / "plan" / "plan.png").read_bytes().startswith(b"\x89PNG")
    manifest = json.loads((study / "plan" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config"]["needed"] in table["raters"].tolist()
    assert list(manifest["inputs"]) == ["study.yaml"]


def test_json_holds_the_whole_plan_with_costs(study: Path, command: Callable[..., Outcome]) -> None:
    pay = ("--pay-per-hour", 12, "--minutes", 10, "--currency", "USD", "--fee", 0.5, "--raters", 123)
    outcome = command(
        "plan", "--study", study, "--dimension", "toxicity", "--group", "country=de", "--json", *QUICK, *pay
    )
    assert outcome.code == 0, outcome.err
    plan = json.loads(outcome.out)
    assert plan["effect"] == 0.5
    row = next(row for row in plan["table"] if row["raters"] == 123)
    assert (row["pay"], row["fee"], row["total"], row["currency"]) == (246.0, 123.0, 369.0, "USD")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--group", "country=de"), "Give --dimension, one of emotional_awareness, toxicity."),
        (("--dimension", "toxicity", "--group", "de"), '--group is "de"; write a demographic and an answer'),
        (("--dimension", "toxicity", "--group", "country=us"), "country=us is the reference"),
        (("--dimension", "toxicity", "--group", "country=other"), "give the effect to plan for"),
        (("--dimension", "toxicity", "--group", "country=de", "--power", 2), "it must lie between"),
        (("--dimension", "toxicity", "--group", "country=de", "--pay-per-hour", 9), "names no pay"),
    ],
)
def test_what_cannot_be_planned_ends_with_two_and_a_reason(
    study: Path, command: Callable[..., Outcome], arguments: tuple[object, ...], said: str
) -> None:
    outcome = command("plan", "--study", study, *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (study / "plan").exists()


def test_the_responses_of_the_folder_are_the_items(study: Path, command: Callable[..., Outcome]) -> None:
    imported = command("corpus", "import", "demo", "--study", study)
    assert imported.code == 0, imported.err
    outcome = command(
        "plan", "--study", study, "--dimension", "toxicity", "--group", "country=de", "--json", "--studies", 10
    )
    assert outcome.code == 0, outcome.err
    items = pd.read_parquet(study / "data" / "items.parquet")
    assert json.loads(outcome.out)["items"] == min(len(items), 200)
