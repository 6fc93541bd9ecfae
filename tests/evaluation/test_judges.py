"""Judges of every kind: made or known to be missing; plug-ins, servers and local models through one door."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pluralign.errors import ConfigError, JudgeError, ModelError
from pluralign.evaluation import plug_ins
from pluralign.evaluation.judges import judge_of
from pluralign.evaluation.judging import OrdinalJudge, judgements
from pluralign.manifests import Manifest
from pluralign.progress import SILENT
from pluralign.records import JUDGEMENTS, read, write
from pluralign.study import JudgeSettings
from tests.scripted_server import Answer, completion, scripted_server
from tests.study.small import small

ASKED = pd.DataFrame({"item": ["a", "b"], "prompt": "Who?", "text": ["Kind words.", "Rude words."], "language": "en"})


def untrained() -> OrdinalJudge:
    raise JudgeError("There are no ratings.")


class Toy:
    """Says 1 of rude texts, 3 of others, and nothing of helpfulness."""

    version = "1"

    def rate(
        self, prompts: Sequence[str], responses: Sequence[str], *, dimension: str, language: str, points: int
    ) -> list[float | None]:
        assert len(prompts) == len(responses)
        assert language == "en"
        return [None if dimension == "helpfulness" else 1.0 if "Rude" in text else points for text in responses]


class Short(Toy):
    def rate(self, prompts: Sequence[str], responses: Sequence[str], **_: Any) -> list[float | None]:  # noqa: ARG002
        return [1.0]


class Broken(Toy):
    def rate(self, prompts: Sequence[str], responses: Sequence[str], **_: Any) -> list[float | None]:  # noqa: ARG002
        raise RuntimeError("weights are gone")


class NoJudge:
    """Lacks all that a judge needs."""


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"toy": "Toy", "short": "Short", "broken": "Broken", "none": "NoJudge"}
    entries = EntryPoints(
        EntryPoint(name, f"tests.evaluation.test_judges:{place}", plug_ins.GROUP) for name, place in names.items()
    )
    monkeypatch.setattr(plug_ins, "entry_points", lambda group: entries.select(group=group))


def plug_in(name: str) -> JudgeSettings:
    return JudgeSettings(key=name, kind="plug-in", plug_in=name)


def test_a_plug_in_judges_and_what_it_does_not_know_is_unscored_also_after_saving(tmp_path: Path) -> None:
    judge = judge_of(plug_in("toy"), small(), untrained, tmp_path)
    table = judgements(judge, ASKED, ["toxicity", "helpfulness"], 3, SILENT)
    assert table["value"].tolist()[:2] == [3, 1]
    write(table, tmp_path / "judgements.parquet", JUDGEMENTS, Manifest(what="test"))
    again = read(tmp_path / "judgements.parquet", JUDGEMENTS)
    helpful = again.loc[again["dimension"] == "helpfulness"]
    assert helpful["status"].tolist() == ["unscored"] * 2
    assert helpful["value"].isna().all()
    assert set(helpful["reason"]) == {"the plug-in gave none"}


@pytest.mark.parametrize(
    ("name", "message"),
    [("short", "gave 1 ratings of 2 responses"), ("broken", "failed on toxicity: weights are gone")],
)
def test_a_plug_in_that_fails_says_how(name: str, message: str, tmp_path: Path) -> None:
    judge = judge_of(plug_in(name), small(), untrained, tmp_path)
    with pytest.raises(JudgeError, match=message):
        judgements(judge, ASKED, ["toxicity"], 3, SILENT)


@pytest.mark.parametrize(
    ("name", "message"), [("gone", "there are: broken, none, short, toy"), ("none", "has no `version`")]
)
def test_a_plug_in_that_is_none_is_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        judge_of(plug_in(name), small(), untrained, tmp_path)


def test_without_ratings_the_trained_judge_is_missing(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="no ratings"):
        judge_of(JudgeSettings(), small(), untrained, tmp_path)


def rude_or_nonsense(request: dict[str, Any], _number: int) -> Answer:
    """Rates rude texts 1 and talks nonsense about all others."""
    user = request["messages"][-1]["content"]
    code = re.search(r"^([A-Z]{8}) PROMPT$", user, re.MULTILINE)
    assert code
    return completion(f"Rude.\n{code[1]} = 1" if "Rude" in user.split("ANSWER")[1] else "Bananas.")


def test_a_served_model_judges_garbage_is_unscored_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    with scripted_server(rude_or_nonsense) as server:
        settings = JudgeSettings(key="served", kind="served", model="m", address=server.url)
        table = judgements(judge_of(settings, small(), untrained, tmp_path), ASKED, ["toxicity"], 3, SILENT)
        assert table["status"].tolist() == ["unscored", "scored"]
        assert (table["raw"].iloc[0], table["value"].iloc[1]) == ("Bananas.", 1)
        again = judge_of(settings, small(), untrained, tmp_path)
        answered = len(server.requests)
        assert judgements(again, ASKED, ["toxicity"], 3, SILENT).equals(table)
        assert len(server.requests) == answered == 2


def test_a_local_model_judges_by_the_same_rubric(tiny: Path, tmp_path: Path) -> None:
    settings = JudgeSettings(key="local", kind="local", model=str(tiny), max_new_tokens=4)
    table = judgements(judge_of(settings, small(), untrained, tmp_path), ASKED, ["toxicity"], 3, SILENT)
    # A model of random weights knows no verdict; what it said is kept.
    assert table["status"].tolist() == ["unscored"] * 2
    assert table["raw"].notna().all() or set(table["reason"]) == {"longer than the judge can read"}


def test_a_local_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = JudgeSettings(key="local", kind="local", model=str(tmp_path / "gone"))
    with pytest.raises(ModelError, match="gone"):
        judge_of(settings, small(), untrained, tmp_path)
