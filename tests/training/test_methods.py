"""What the optimisers other than DPO learn from, and that warm-ups and kills leave no trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, read_manifest
from pluralign.progress import SILENT
from pluralign.records import ITEMS, PROMPTS, read
from pluralign.study import Study, parse
from pluralign.training import materials as materials_module
from pluralign.training import train
from pluralign.training.failures import RunsFailedError
from pluralign.training.materials import Materials
from pluralign.training.rated import of_items, rated_items, tuning_ratings
from pluralign.training.schedule import planned_runs
from pluralign.training.settings import settings
from pluralign.training.tuning.log import read_log
from tests.training.examples import QUESTIONS, TEMPLATE, study, study_folder
from tests.training.test_stage import Listener, equal, weights

FIVE = "scale: {labels: [{en: a}, {en: b}, {en: c}, {en: d}, {en: e}]}"


def five_points(model: object, **condition: str) -> Study:
    changes = "".join(f", {name}: {value}" for name, value in condition.items())
    text = TEMPLATE.format(model=model).replace("scale: {labels: [{en: no}, {en: yes}]}", FIVE)
    text = text.replace("scale: 2}, {key: b, policy: preserve, scale: 2}", f"scale: 5{changes}}}")
    return parse(text)


def with_ratings(root: Path, values: dict[str, list[int]]) -> StudyFolder:
    """A study folder in which raters r0, r1, … gave these values to the items of each tone."""
    folder = study_folder(root)
    prompts, items = (read(folder.data / f"{name}.parquet", schema) for name, schema in _TABLES)
    rows = [
        {"rater": f"r{number}", "item": f"{prompt}.{tone}", "value": value}
        for tone, given in values.items()
        for prompt in QUESTIONS
        for number, value in enumerate(given)
    ]
    ratings = pd.DataFrame(rows).assign(dimension="kindness", seconds=None, position=None, time=None, attention=None)
    raters = pd.DataFrame({"rater": sorted(set(ratings["rater"]))}).assign(
        language="en", origin="imported", weight=1.0, flags=""
    )
    Feedback.of(prompts, items, raters, ratings, 5).save(folder.data, Manifest(what="test"))
    return folder


_TABLES = (("prompts", PROMPTS), ("items", ITEMS))
MANY = {
    "kind": [5, 4, 5, 3, 4, 4, 5, 2, 4, 5, 4, 5, 5, 4, 5, 3, 2, 4],
    "rude": [1, 2, 1, 3, 4, 1, 2, 2, 1, 1, 2] + [1] * 7,
}


def test_rated_responses_hold_the_share_of_good_opinions(tmp_path: Path) -> None:
    made = five_points("smollm2")
    folder = with_ratings(tmp_path, MANY)
    experiment = made.experiments[0]
    ratings = tuning_ratings(Feedback.load(folder.data), made, experiment, experiment.conditions[0])
    table = rated_items(ratings, made, experiment, experiment.conditions[0]).set_index("item")
    mine = sorted(set(ratings.ratings["rater"]), key=lambda rater: int(rater[1:]))
    kind = np.array([MANY["kind"][int(rater[1:])] for rater in mine])
    assert 5 <= len(mine) < 18
    assert table.loc["q1.kind", "p"] == pytest.approx((kind > 3).sum() / (kind != 3).sum())
    majority = experiment.conditions[0].model_copy(update={"policy": "majority"})
    assert rated_items(ratings, made, experiment, majority).set_index("item")["p"].to_dict() == {
        f"{prompt}.{tone}": float(tone == "kind") for prompt in QUESTIONS for tone in ("kind", "rude")
    }
    with pytest.raises(Exception, match="nothing to learn"):
        of_items(table.reset_index(), ["q1.kind"], "here")


def test_kto_learns_from_ratings_and_a_kill_in_its_warm_up_leaves_no_trace(tiny: Path, tmp_path: Path) -> None:
    def made() -> Study:
        parsed = five_points(tiny, training="{method: kto, warm_up_steps: 2}")
        return parsed.model_copy(update={"training": parsed.training.model_copy(update={"steps": 2})})

    undisturbed, killed = with_ratings(tmp_path / "one", MANY), with_ratings(tmp_path / "two", MANY)
    (result,) = train(undisturbed, made())
    lines = read_log(undisturbed.run("trial", "a", 1))
    assert [(line["step"], line["method"]) for line in lines] == [(1, "sft"), (2, "sft"), (3, "kto"), (4, "kto")]
    # The warm-up moved the model: the reference model is still the one before it.
    assert lines[2]["loss"] != pytest.approx(0.5, abs=1e-6)
    assert {"reward_good", "reward_bad"} <= lines[2].keys()
    manifest = read_manifest(result.folder)
    assert manifest.inputs.keys() == {"pairs", "texts", "base model", "rated responses"}
    assert (manifest.rows_in, manifest.rows_out) == (8, 8)
    for steps in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            train(killed, made(), progress=Listener(interrupt_after=steps))
    train(killed, made())
    assert equal(weights(killed), weights(undisturbed))


def test_imitation_raises_the_log_probability_of_chosen_responses(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    train(folder, study(tiny, method="sft", steps=6), named=["trial/b/seed-1"])
    lines = read_log(folder.run("trial", "b", 1))
    assert lines[-1]["log_prob"] > lines[0]["log_prob"] + 0.05


def test_settings_hold_what_the_method_reads_and_nothing_else() -> None:
    made = study(Path("smollm2"))
    names = {method: settings(made.training.model_copy(update={"method": method})).keys() for method in ("dpo", "sft")}
    assert {"dpo_loss", "dpo_beta", "warm_up_steps"} == names["dpo"] - names["sft"]
    robust = settings(made.training.model_copy(update={"dpo_loss": "robust"}))
    assert robust.keys() - names["dpo"] == {"label_smoothing"}


@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_sampled_responses_are_rewarded_and_a_kill_leaves_no_trace(tiny: Path, tmp_path: Path, method: str) -> None:
    def made() -> Study:
        parsed = five_points(tiny, training=f"{{method: {method}, response_tokens: 6, responses_per_prompt: 2}}")
        return parsed.model_copy(update={"training": parsed.training.model_copy(update={"steps": 3})})

    undisturbed, killed = with_ratings(tmp_path / "one", MANY), with_ratings(tmp_path / "two", MANY)
    (result,) = train(undisturbed, made())
    lines = read_log(undisturbed.run("trial", "a", 1))
    assert [line["method"] for line in lines] == [method] * 3
    assert {"reward", "kl"} <= lines[0].keys()
    assert {"pairs", "texts", "base model", "ratings"} == read_manifest(result.folder).inputs.keys()
    place = result.folder.parent / "reward"
    assert {path.name for path in place.iterdir()} == {"model.npz", "quality.csv", "manifest.json"}
    with pytest.raises(KeyboardInterrupt):
        train(killed, made(), progress=Listener(interrupt_after=2))
    before = (killed.run("trial", "a", 1).parent / "reward" / "model.npz").stat().st_mtime_ns
    train(killed, made())
    assert (killed.run("trial", "a", 1).parent / "reward" / "model.npz").stat().st_mtime_ns == before
    assert equal(weights(killed), weights(undisturbed))
    first, second = (pd.read_csv(folder.runs / "trial" / "models.csv") for folder in (killed, undisturbed))
    pd.testing.assert_frame_equal(first, second)
    # Prompts and at most six tokens of each of four responses in each of three steps.
    assert first.at[0, "tokens"] == lines[-1]["num_tokens"] > 3 * 4 * 2


def test_rated_responses_are_read_once_for_all_conditions(tiny: Path, tmp_path: Path) -> None:
    folder = with_ratings(tmp_path, MANY)
    (run,), _ = planned_runs(folder, five_points(tiny, training="{method: grpo, responses_per_prompt: 2}"))
    materials, listener = Materials(folder), Listener()
    answers = [((1, 2), (3, 4)), ((1, 2), (5,)), ((1, 2), (3, 4))]
    first = materials.states(run, answers, listener)
    assert first.shape[0] == 3
    assert (first[0] == first[2]).all()
    assert not (first[0] == first[1]).all()
    assert (materials.states(run, answers[1:], listener) == first[1:]).all()
    assert listener.notes == ["1 of 2 rated responses read", "2 of 2 rated responses read"]


class Killed(Listener):
    """As Ctrl-C does when a third response has been read."""

    def advance(self, n: int = 1, note: str = "") -> None:
        super().advance(n, note)
        if note.startswith("3 of"):
            raise KeyboardInterrupt


def test_rated_responses_that_were_read_before_a_kill_are_not_read_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materials_module, "_READ_TOGETHER", 2)
    folder = with_ratings(tmp_path, MANY)
    (run,), _ = planned_runs(folder, five_points(tiny, training="{method: grpo, responses_per_prompt: 2}"))
    answers = [((1, 2), (token,)) for token in range(3, 8)]
    whole = Materials(StudyFolder(tmp_path / "other")).states(run, answers, SILENT)
    with pytest.raises(KeyboardInterrupt):
        Materials(folder).states(run, answers, Killed())
    listener = Listener()
    assert (Materials(folder).states(run, answers, listener) == whole).all()
    assert [note for note in listener.notes if note.startswith("1 of")] == ["1 of 3 rated responses read"]
    # A damaged file counts as absent.
    lots = sorted((folder.runs / ".cache").glob("hidden-states-*/*.npz"))
    assert len(lots) == 3
    lots[0].write_bytes(lots[0].read_bytes()[:-30])
    lots[1].write_bytes(b"")
    again = Listener()
    assert (Materials(folder).states(run, answers, again) == whole).all()
    assert again.notes


def test_a_constant_reward_is_a_failure_of_its_condition(tiny: Path, tmp_path: Path) -> None:
    folder = with_ratings(tmp_path, {"kind": [3] * 18, "rude": [3] * 18})
    listener = Listener()
    with pytest.raises(RunsFailedError, match="reward for kindness is the same for all responses"):
        train(folder, five_points(tiny, training="{method: grpo, responses_per_prompt: 2}"), progress=listener)
    assert any(note.endswith("rated responses read") for note in listener.notes)
