"""Every setting of the evaluation changes the responses, what judges say of them, or the tables."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pluralign.evaluation import evaluate, plug_ins
from pluralign.evaluation.judgements import file_of
from pluralign.evaluation.judging import judgements
from pluralign.evaluation.language_judges import local_judge, served_judge
from pluralign.evaluation.models import EvaluatedModel
from pluralign.evaluation.plug_ins import plug_in_judge
from pluralign.evaluation.prompts import prompts_of
from pluralign.evaluation.responses import respond
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest
from pluralign.progress import SILENT
from pluralign.study import Evaluation, JudgeSettings, PromptSet, Study
from tests.evaluation.examples import finished_study
from tests.scripted_server import completion, scripted_server
from tests.study.small import small

BASE: dict[str, Any] = {"samples": 2, "max_new_tokens": 6, "permutations": 9, "judge_raters": 0.5, "min_raters": 5}
ANSWERED: dict[str, Any] = {"samples": 1, "max_new_tokens": 5, "temperature": 0.5, "top_p": 0.3, "seed": 1}
COMPARED: dict[str, Any] = {
    "prompts": [{"key": "more", "kind": "off-topic", "file": "more.csv"}],
    "groups": ["half"],
    "permutations": 19,
    "frontier": ["emotional_awareness", "toxicity"],
}
JUDGED: dict[str, Any] = {
    "judge_raters": 0.4,
    "judges": [{}, {"key": "mild", "kind": "plug-in", "plug_in": "mild"}],
    "min_raters": 25,
}
"""Other values of settings; those that are changed together change different things."""


class Mild:
    """Likes everything."""

    version = "1"
    given = 5.0

    def rate(self, prompts: Sequence[str], responses: Sequence[str], **_: Any) -> list[float]:  # noqa: ARG002
        return [self.given] * len(responses)


class Harsh(Mild):
    """Likes nothing."""

    given = 1.0


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = EntryPoints(
        EntryPoint(name.lower(), f"tests.evaluation.test_settings:{name}", plug_ins.GROUP) for name in ("Mild", "Harsh")
    )
    monkeypatch.setattr(plug_ins, "entry_points", lambda group: entries.select(group=group))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> tuple[StudyFolder, dict[str, Any]]:
    """A study with two demographics, evaluated under BASE, and the content of its file."""
    folder, _ = finished_study(tmp_path_factory.mktemp("studies") / "settings", tiny, raters=60)
    (folder.root / "more.csv").write_text("id,prompt\n1,What is a prime?\n", encoding="utf-8")
    found = Feedback.load(folder.data)
    raters = found.raters.assign(half=["one", "two"] * (len(found.raters) // 2))
    Feedback.of(found.prompts, found.items, raters, found.ratings, 5).save(folder.data, Manifest(what="test"))
    content = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    content.pop("simulation")
    halves = [{"code": code, "label": {"en": code}} for code in ("one", "two")]
    content["demographics"].append({"key": "half", "question": {"en": "Which?"}, "reference": "one", "options": halves})
    content["training"]["seeds"] = [1]
    content["evaluation"] = BASE
    (experiment,) = content["experiments"]
    (preserve, _) = experiment["conditions"]
    halved = [{"key": key, "whose": f"half == '{half}'"} for key, half in (("preserve", "one"), ("majority", "two"))]
    experiment["conditions"] = [{**preserve, **half} for half in halved]
    evaluate(folder, Study.model_validate(content))
    return folder, content


def test_every_setting_is_tried() -> None:
    assert {*ANSWERED, *COMPARED, *JUDGED} == Evaluation.model_fields.keys()
    assert PromptSet.model_fields.keys() == PROMPT_SETTINGS
    assert {*ASKED_WITH, *JUDGED_WITH} == JudgeSettings.model_fields.keys()


def test_settings_of_sampling_change_the_responses(tiny: Path, tmp_path: Path) -> None:
    asked = pd.DataFrame({"prompt": ["a", "b"], "text": ["Who should cook?", "May men cry?"]})
    model = EvaluatedModel(place="base/seed-1", experiment="", condition="base", seed=1, name=str(tiny), language="en")

    def responses(**changed: Any) -> list[str]:
        study = small().model_copy(update={"evaluation": Evaluation.model_validate({**BASE, **changed})})
        found = respond(model, asked, study, tmp_path / str(changed), SILENT)
        return [str(text) for text in found["text_en"]]

    plain = responses()
    for name, value in ANSWERED.items():
        assert responses(**{name: value}) != plain, name


def test_settings_of_comparisons_change_the_tables(evaluated: tuple[StudyFolder, dict[str, Any]]) -> None:
    folder, content = evaluated
    names = {"descriptives": "asked", "served": "demographic", "permutation": "permutations", "frontier": "safety"}

    def told() -> dict[str, list[Any]]:
        found = {name: pd.read_csv(folder.evaluation / f"{name}.csv")[column] for name, column in names.items()}
        return {name: sorted(set(values.dropna())) for name, values in found.items()}

    before = told()
    assert before == {
        "descriptives": ["held-out"],
        "served": ["country", "half"],
        "permutation": [9],
        "frontier": ["toxicity"],
    }
    evaluate(folder, Study.model_validate({**content, "evaluation": {**BASE, **COMPARED}}))
    assert told() == {
        "descriptives": ["held-out", "more"],
        "served": ["half"],
        "permutation": [19],
        "frontier": ["emotional_awareness"],
    }


def test_settings_of_judges_change_what_is_said_of_the_responses(
    evaluated: tuple[StudyFolder, dict[str, Any]],
) -> None:
    folder, content = evaluated
    verdicts = folder.evaluation / "base/seed-1/judgements.parquet"
    before = pd.read_parquet(verdicts)["value"].tolist()
    evaluate(folder, Study.model_validate({**content, "evaluation": {**BASE, **JUDGED}}))
    assert pd.read_parquet(verdicts)["value"].tolist() != before
    assert set(pd.read_csv(folder.evaluation / "other_judges.csv")["judge"]) == {"mild"}
    holes = pd.read_csv(folder.evaluation / "holes.csv")
    assert holes["why"].str.contains("two groups of 25 or more are needed").any()


PROMPT_SETTINGS = {"key", "kind", "file"}


def test_settings_of_prompts_change_the_prompts_and_what_a_refusal_of_them_means(tmp_path: Path) -> None:
    shipped = prompts_of(PromptSet(key="a", kind="off-topic"), tmp_path, "en")
    assert not prompts_of(PromptSet(key="b", kind="off-topic"), tmp_path, "en").equals(shipped)
    (tmp_path / "own.csv").write_text("id,prompt\n1,What is a prime?\n", encoding="utf-8")
    own = prompts_of(PromptSet(key="a", kind="off-topic", file="own.csv"), tmp_path, "en")
    assert own["text"].tolist() == ["What is a prime?"]
    # The same prompts of another kind are read otherwise, which the report says.
    from pluralign.report.models import _kinds
    from pluralign.report.sources import gather

    said = set()
    for kind in ("off-topic", "over-refusal"):
        prompts = (PromptSet.model_validate({"key": "a", "kind": kind, "file": "own.csv"}),)
        study = Study.model_validate(
            {**small().model_dump(mode="json", exclude_none=True), "evaluation": {"prompts": prompts}}
        )
        sources = gather(StudyFolder(tmp_path), study, None)
        said.add(sources.say(f"models.asked.{_kinds(sources)['a']}", name="a"))
    assert len(said) == 2


ASKED = pd.DataFrame({"item": ["a"], "prompt": "Who?", "text": ["Kind words."], "language": "en"})
ASKED_WITH = {"model": "other", "address": "/other/v1", "key_variable": "OTHER_KEY", "max_new_tokens": 7}


def test_settings_of_a_served_judge_change_what_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def request(**changed: Any) -> tuple[Any, ...]:
        settings = {"model": "m", "address": "/v1", "key_variable": "KEY", **changed}
        with scripted_server(lambda _request, _number: completion("None.")) as server:
            settings["address"] = server.url.removesuffix("/v1") + settings["address"]
            judge = served_judge(
                JudgeSettings(key="served", kind="served", **settings), small(), tmp_path / str(changed)
            )
            judgements(judge, ASKED, ["toxicity"], 3, SILENT)
        body = server.requests[-1]
        limits = tuple(body.get(name) for name in ("max_tokens", "max_completion_tokens"))
        return server.paths[-1], server.keys[-1], body["model"], limits

    monkeypatch.setenv("KEY", "one")
    monkeypatch.setenv("OTHER_KEY", "two")
    plain = request()
    for place, (name, value) in zip((2, 0, 1, 3), ASKED_WITH.items(), strict=True):
        changed = request(**{name: value})
        assert [mine == theirs for mine, theirs in zip(changed, plain, strict=True)] == [
            one != place for one in range(4)
        ]


JUDGED_WITH = ("key", "kind", "plug_in")


def test_settings_of_other_judges_change_the_verdicts_and_where_they_are_kept(tiny: Path, tmp_path: Path) -> None:
    mild, harsh = (
        judgements(plug_in_judge("a", name, small()), ASKED, ["toxicity"], 5, SILENT) for name in ("mild", "harsh")
    )
    assert (mild["value"].item(), harsh["value"].item()) == (5, 1)
    assert file_of("a") != file_of("b")
    said = []
    for tokens in (4, 5):
        settings = JudgeSettings(key="local", kind="local", model=str(tiny), max_new_tokens=tokens)
        judge = local_judge(settings, small(), tmp_path / str(tokens))
        said.append(judgements(judge, ASKED, ["toxicity"], 3, SILENT)["raw"].item())
    assert said[0] != said[1]
