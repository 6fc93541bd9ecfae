"""The stage: tables, resuming, changed inputs, missing runs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pluralign.errors import DataError, MismatchError
from pluralign.evaluation import evaluate, results
from pluralign.evaluation.models import plan
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, read_manifest, write_manifest
from pluralign.progress import Silent
from pluralign.records import ITEMS, JUDGEMENTS, read
from pluralign.study import load as load_study
from pluralign.study.training import Search, TriedSettings, changed, stated
from tests.evaluation.examples import Finished, change_study, simulate_ratings, write_run

TABLES = tuple(f"{name}.csv" for name in results.TABLES)


class Listener(Silent):
    """Keeps what it is told, and may interrupt as Ctrl-C would."""

    def __init__(self, stop_at: str = "") -> None:
        self.started: list[str] = []
        self.said: list[str] = []
        self.stop_at = stop_at

    def start(self, what: str, total: int | None = None) -> None:  # noqa: ARG002
        self.started.append(what)
        if self.stop_at and what.startswith(self.stop_at):
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        self.said.append(text)

    @property
    def sampled(self) -> list[str]:
        return [what for what in self.started if what.startswith("Responses")]


@pytest.fixture
def copy(evaluated: Finished, tmp_path: Path) -> Finished:
    folder, study = evaluated
    shutil.copytree(folder.root, tmp_path / "copy")
    return StudyFolder(tmp_path / "copy"), study


def contents(folder: StudyFolder) -> dict[str, bytes]:
    files = [path for path in sorted(folder.evaluation.rglob("*")) if path.is_file()]
    return {path.relative_to(folder.evaluation).as_posix(): path.read_bytes() for path in files}


def test_every_model_is_asked_the_held_out_prompts_and_nothing_else(evaluated: Finished) -> None:
    folder, study = evaluated
    for place in ("base/seed-1", "base/seed-2", "disagreement/preserve/seed-1", "disagreement/majority/seed-2"):
        items = read(folder.evaluation / place / "items.parquet", ITEMS)
        assert items["prompt"].value_counts().to_dict() == dict.fromkeys(["p00", "p03", "p06", "p09"], 2)
        assert items["context"].isna().all()
        judgements = read(folder.evaluation / place / "judgements.parquet", JUDGEMENTS)
        assert len(judgements) == len(items) * len(study.dimensions)
        assert judgements.loc[judgements["status"] == "scored", "value"].between(1, 5).all()


def test_differences_are_those_of_the_judgements(evaluated: Finished) -> None:
    folder, _ = evaluated
    table = pd.read_csv(folder.evaluation / "differences.csv").set_index(["condition", "dimension"])

    def mean(condition: str) -> float:
        judged = [pd.read_parquet(file) for file in (folder.evaluation / condition).rglob("judgements.parquet")]
        frame = pd.concat(judged)
        return float(frame.loc[frame["dimension"] == "toxicity", "value"].mean())

    row: Any = table.loc[("preserve", "toxicity")]
    assert row["tuned_mean"] == pytest.approx(mean("disagreement/preserve"), abs=1e-5)
    assert row["base_mean"] == pytest.approx(mean("base"), abs=1e-5)
    assert row["difference"] == pytest.approx(row["tuned_mean"] - row["base_mean"], abs=1e-5)
    assert row["low"] <= row["difference"] <= row["high"]
    assert row["percent"] == pytest.approx(100 * row["difference"] / row["base_mean"], abs=1e-3)
    assert (row["n_prompts"], row["n_seeds"], row["n_samples"]) == (4, 2, 16)
    assert row["desirable"] == "low"
    assert not row["in_objective"]
    assert "bootstrap over seeds and prompts" in row["interval"]


def test_tables_state_the_truth_of_a_simulation(evaluated: Finished) -> None:
    folder, _ = evaluated
    differences = pd.read_csv(folder.evaluation / "differences.csv")
    assert differences[["true_difference", "true_low", "true_high"]].notna().all().all()
    agreement = pd.read_csv(folder.evaluation / "agreement.csv")
    assert agreement["spearman_true"].between(-1, 1).all()
    assert set(agreement["verdict"]) <= {"good", "fair", "poor"}


def test_conditions_are_contrasted(evaluated: Finished) -> None:
    folder, _ = evaluated
    contrasts = pd.read_csv(folder.evaluation / "contrasts.csv").set_index("dimension")
    differences = pd.read_csv(folder.evaluation / "differences.csv").set_index(["condition", "dimension"])["difference"]
    assert set(zip(contrasts["condition"], contrasts["against"], strict=True)) == {("preserve", "majority")}
    expected = differences[("preserve", "toxicity")] - differences[("majority", "toxicity")]
    assert contrasts.loc["toxicity", "difference"] == pytest.approx(expected, abs=1e-5)


def test_each_table_has_a_manifest_without_places_of_this_machine(evaluated: Finished) -> None:
    folder, _ = evaluated
    for name in TABLES:
        manifest = read_manifest(folder.evaluation / name)
        assert "data/ratings.parquet" in manifest.inputs
    for file in folder.evaluation.rglob("*.json"):
        if file.name != "items.manifest.json":
            assert str(folder.root) not in file.read_text()


def test_a_second_call_samples_nothing_and_changes_nothing(copy: Finished) -> None:
    before, listener = contents(copy[0]), Listener()
    evaluate(*copy, progress=listener)
    assert listener.sampled == []
    assert contents(copy[0]) == before


@pytest.mark.parametrize(
    "stop_at", ["Responses of disagreement, majority, seed 1", "Judging base", "Comparing the mod"]
)
def test_an_interrupted_evaluation_is_finished_with_equal_bytes(copy: Finished, stop_at: str) -> None:
    folder, study = copy
    expected = contents(folder)
    shutil.rmtree(folder.evaluation)
    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, study, progress=Listener(stop_at))
    assert not any((folder.evaluation / name).exists() for name in TABLES)
    evaluate(folder, study)
    assert contents(folder) == expected


def test_another_adapter_is_sampled_anew_and_the_others_are_kept(copy: Finished, tiny: Path) -> None:
    folder, study = copy
    before = contents(folder)
    write_run(folder.run("disagreement", "preserve", 2), tiny, "another")
    listener = Listener()
    evaluate(folder, study, progress=listener)
    assert listener.sampled == ["Responses of disagreement, preserve, seed 2"]
    changed = {name for name, content in contents(folder).items() if before[name] != content}
    assert "disagreement/preserve/seed-2/items.parquet" in changed
    assert "differences.csv" in changed
    assert not any(name.startswith(("base/", "disagreement/majority")) for name in changed)


def test_other_ratings_make_another_judge_of_the_same_responses(copy: Finished) -> None:
    folder, study = copy
    before = contents(folder)
    simulate_ratings(folder, study, raters=120, seed=5)
    listener = Listener()
    evaluate(folder, study, progress=listener)
    assert listener.sampled == []
    now = contents(folder)
    assert now["base/seed-1/items.parquet"] == before["base/seed-1/items.parquet"]
    assert now["base/seed-1/judgements.parquet"] != before["base/seed-1/judgements.parquet"]


def test_a_damaged_table_is_made_again(copy: Finished) -> None:
    folder, study = copy
    expected = contents(folder)
    (folder.evaluation / "base/seed-1/items.parquet").write_bytes(b"PAR1")
    (folder.evaluation / "base/seed-2/judgements.parquet").unlink()
    (folder.evaluation / "judge/embeddings.npz").write_bytes(b"nothing")
    evaluate(folder, study)
    now = contents(folder)
    cache = "judge/embeddings.npz"  # holds again what was needed now
    assert [name for name in expected if now[name] != expected[name] and name != cache] == []


def test_unfinished_runs_are_named_and_left_out(copy: Finished) -> None:
    folder, study = copy
    (folder.run("disagreement", "preserve", 2) / "done.json").unlink()
    shutil.rmtree(folder.run("disagreement", "majority", 1))
    (folder.run("disagreement", "majority", 2) / "adapter/adapter_model.safetensors").write_bytes(b"half")
    listener = Listener()
    result = evaluate(folder, study, progress=listener)
    assert listener.said == [
        "Left out: disagreement, preserve, seed 2: training not finished.",
        "Left out: disagreement, majority, seed 1: not trained.",
        "Left out: disagreement, majority, seed 2: adapter changed after training.",
        "Left out: group country: other: 4 raters taught the judge; two groups of 10 or more are needed.",
    ]
    assert set(result.all_differences["condition"]) == {"preserve"}
    assert (result.all_differences["n_seeds"] == 1).all()
    assert result.contrasts.empty
    states = pd.read_csv(folder.evaluation / "descriptives.csv")["state"]
    assert states.tolist() == ["evaluated"] * 2 + [run.why for run in result.absent]


def test_runs_that_failed_or_whose_adapter_cannot_be_read_are_told_apart(copy: Finished) -> None:
    folder, study = copy
    failed = folder.run("disagreement", "preserve", 1)
    (failed / "done.json").unlink()
    (failed / "failed.json").write_text('{"reason": "The loss is nan."}')
    (folder.run("disagreement", "majority", 1) / "adapter/adapter_config.json").write_text("{")
    (folder.run("disagreement", "majority", 2) / "adapter/adapter_config.json").unlink()
    absent = {(run.condition, run.seed): run.why for run in plan(folder, study, None).absent}
    assert absent == {
        ("preserve", 1): "training failed",
        ("majority", 1): "adapter changed after training",
        ("majority", 2): "adapter missing",
    }


def test_without_a_finished_run_training_comes_first(copy: Finished) -> None:
    folder, study = copy
    shutil.rmtree(folder.runs)
    failed = folder.run("disagreement", "preserve", 1)
    failed.mkdir(parents=True)
    (failed / "failed.json").write_text('{"reason": "The loss is nan."}')
    with pytest.raises(DataError, match=r"4 planned, 1 failed.*pluralign train"):
        evaluate(folder, study)


@pytest.mark.parametrize("what", ["base model", "pairs"])
def test_a_run_from_other_inputs_is_refused(copy: Finished, what: str) -> None:
    folder, study = copy
    pairs = folder.pairs("disagreement", "preserve")
    pairs.parent.mkdir(parents=True)
    pairs.write_bytes(b"other pairs")
    write_manifest(folder.run("disagreement", "preserve", 1), Manifest(what="run", inputs={what: "0" * 64}))
    with pytest.raises(MismatchError, match=f"different: {what}.*--restart"):
        evaluate(folder, study)


def test_a_run_under_other_settings_is_refused_unless_they_are_among_those_tried(copy: Finished) -> None:
    folder, study = copy
    (experiment,) = study.experiments
    settings = stated(changed(study.training_for(experiment), experiment.conditions[0].training))

    def tuned_at(rate: float) -> None:
        made = Manifest(what="run", config={"settings": {**settings, "learning_rate": rate, "optimiser": "adamw"}})
        write_manifest(folder.run("disagreement", experiment.conditions[0].key, 1), made)

    tuned_at(settings["learning_rate"])
    plan(folder, study, None)
    tuned_at(0.5)
    with pytest.raises(MismatchError, match=r"different: learning_rate \(0\.5, now .*--restart"):
        plan(folder, study, None)
    tried = Search(settings=(TriedSettings(learning_rate=0.25), TriedSettings(learning_rate=0.5)))
    searching = study.model_copy(update={"experiments": (experiment.model_copy(update={"search": tried}),)})
    plan(folder, searching, None)
    tuned_at(0.125)
    with pytest.raises(MismatchError, match=r"learning_rate \(0\.125, now 0\.25\)"):
        plan(folder, searching, None)


def test_without_held_out_prompts_there_is_nothing_to_compare_on(copy: Finished) -> None:
    folder, study = copy
    from pluralign.feedback import Feedback

    feedback = Feedback.load(folder.data)
    prompts = feedback.prompts.assign(split="train")
    Feedback.of(prompts, feedback.items, feedback.raters, feedback.ratings, 5).save(folder.data, Manifest(what="test"))
    with pytest.raises(DataError, match="held out"):
        evaluate(folder, study)


def test_one_experiment_is_evaluated_alone_and_earlier_results_of_others_stay(copy: Finished, tiny: Path) -> None:
    folder, _ = copy
    content = yaml.safe_load(folder.study_file.read_text())
    experiment = content["experiments"][0]
    content["experiments"].append({**experiment, "key": "again", "conditions": experiment["conditions"][:1]})
    content["experiments"].append({**experiment, "key": "later", "conditions": experiment["conditions"][:1]})
    change_study(folder, content)
    study = load_study(folder.study_file)
    for key in ("again", "later"):
        write_run(folder.run(key, "preserve", 1), tiny, key)
    listener = Listener()
    evaluate(folder, study, only=["again"], progress=listener)
    assert listener.sampled == ["Responses of again, preserve, seed 1"]
    table = pd.read_csv(folder.evaluation / "differences.csv")
    assert set(table["experiment"]) == {"disagreement", "again"}


def test_an_experiment_in_another_model_has_a_base_model_of_its_own(copy: Finished, tiny: Path, tmp_path: Path) -> None:
    folder, _ = copy
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    content = yaml.safe_load(folder.study_file.read_text())
    experiment = content["experiments"][0]
    own = {**experiment, "key": "own", "conditions": experiment["conditions"][:1], "training": {"model": str(other)}}
    content["experiments"].append(own)
    change_study(folder, content)
    write_run(folder.run("own", "preserve", 1), other, "own")
    result = evaluate(folder, load_study(folder.study_file))
    models = result.descriptives[["experiment", "condition", "seed"]].apply(tuple, axis=1).tolist()
    assert ("own", "base", 1) in models
    assert ("", "base", 1) in models
    assert (folder.evaluation / "base/own/seed-1/items.parquet").is_file()


def test_dimensions_without_ratings_are_unscored_and_said_to_be(copy: Finished) -> None:
    folder, study = copy
    from pluralign.feedback import Feedback

    feedback = Feedback.load(folder.data)
    ratings = feedback.ratings.loc[feedback.ratings["dimension"] != "toxicity"]
    Feedback.of(feedback.prompts, feedback.items, feedback.raters, ratings, 5).save(folder.data, Manifest(what="test"))
    result = evaluate(folder, study)
    row = result.all_differences.query("dimension == 'toxicity'").iloc[0]
    assert row["n_unscored"] == 16
    assert (row["n_samples"], row["change"], row["judge_verdict"]) == (0, "none", "unmeasured")
    assert pd.isna(row["difference"])
    judged = read(folder.evaluation / "base/seed-1/judgements.parquet", JUDGEMENTS)
    assert set(judged.loc[judged["dimension"] == "toxicity", "reason"]) == {"no ratings to learn from"}


def test_a_judge_that_scores_nothing_is_called_missing_with_the_reason(copy: Finished, tiny: Path) -> None:
    folder, _ = copy
    content = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    babbler = {"key": "babbler", "kind": "local", "model": str(tiny), "max_new_tokens": 2}
    content["evaluation"]["judges"] = [{"key": "ordinal-embedding"}, babbler]
    change_study(folder, content)
    listener = Listener()
    evaluate(folder, load_study(folder.study_file), progress=listener)
    holes = pd.read_csv(folder.evaluation / "holes.csv").set_index("name")
    assert re.fullmatch(r"not one of \d+ judgements is scored \(.+\)", str(holes.loc["babbler", "why"]))
    assert any(line.startswith("Left out: judge babbler: not one of") for line in listener.said)


def test_the_printed_table_is_short(evaluated: Finished) -> None:
    result = evaluate(*evaluated)
    assert list(result.differences.columns) == [
        "experiment", "condition", "dimension", "base", "tuned", "difference", "low", "high", "change", "judge"
    ]  # fmt: skip
    assert len(json.loads(result.differences.to_json(orient="records"))) == 4
