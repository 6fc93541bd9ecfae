"""The equal budget: settings tried on a part of the train prompts, and models tuned under those that were chosen."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pluralign.errors import ConvergenceError, DataError, MismatchError
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.language_models import generating
from pluralign.manifests import Manifest, read_manifest
from pluralign.progress import SILENT
from pluralign.study import Search, Study, parse
from pluralign.training import discard_changed_runs, train, trying, work
from pluralign.training.engines.engine import InThisProcess
from pluralign.training.engines.workers import Workers
from pluralign.training.execution import Execution
from pluralign.training.learning_data import ratings_for_reward, set_aside
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.results import write_done
from pluralign.training.rewards.making import referee_of, reward_of
from pluralign.training.schedule import planned_runs
from pluralign.training.search import Outcome, UndecidedError, chosen, read_outcome, settings_tried, write_outcome
from pluralign.training.tuning import run as tuning
from tests.training.test_methods import MANY, five_points, with_ratings
from tests.training.test_stage import Listener, equal, weights

SETTINGS = ({"learning_rate": 0.0001}, {"learning_rate": 0.01}, {"learning_rate": 0.02})


def searching(model: object, settings: Sequence[dict[str, float]] = SETTINGS, **search: object) -> Study:
    made = five_points(model)
    stated = {"settings": settings, "seeds": [7], "samples": 2, "max_new_tokens": 12, **search}
    text = made.model_dump(mode="json")
    text["experiments"][0]["search"] = stated
    return parse(json.dumps(text))


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyFolder, Study, list[str]]:
    """A study whose settings were tried and whose models are tuned, and what was said meanwhile."""
    folder, made, listener = with_ratings(tmp_path_factory.mktemp("search"), MANY), searching(tiny), Listener()
    assert [str(result.key) for result in train(folder, made, progress=listener)] == ["trial/a/seed-1"]
    return folder, made, listener.said


def test_the_share_set_aside_is_exact_and_follows_from_the_identifiers() -> None:
    texts = {f"p{number}": f"text {number}" for number in range(20)}
    first = set_aside(texts, 0.25, 1)
    assert len(first) == 5
    assert set_aside(dict(reversed(texts.items())), 0.25, 1) == first
    assert set_aside(texts, 0.25, 2) != first
    assert len(set_aside(texts, 0.01, 1)) == 1
    with pytest.raises(DataError, match="none left to learn from"):
        set_aside({"p1": "text"}, 0.25, 1)


def test_tries_never_see_what_is_set_aside_and_the_referee_nothing_else(
    done: tuple[StudyFolder, Study, list[str]],
) -> None:
    folder, made, _ = done
    tries = [run for run in planned_runs(folder, made)[0] if run.aside]
    assert [str(run.key) for run in tries] == [f"trial/a/try-{number}/seed-7" for number in (1, 2, 3)]
    for run in tries:
        assert run.aside is not None
        assert len(run.aside.prompts) == 1
        assert set(run.pairs["prompt"]) == {"q1", "q2", "q3", "q4"} - set(run.aside.prompts)
        assert read_manifest(run.folder).rows_in == 3
    referee = read_manifest(tries[0].shared / "referee")
    assert tries[0].aside is not None
    assert referee.inputs["ratings"] == tries[0].aside.ratings
    ratings = Feedback.load(folder.data)
    kept = ratings_for_reward(ratings, tries[0].aside)
    assert set(kept.items["prompt"]).isdisjoint(tries[0].aside.prompts)
    assert len(kept.ratings) == len(ratings.ratings) * 3 // 4


def test_models_are_tuned_under_the_setting_that_the_referee_likes_best(
    done: tuple[StudyFolder, Study, list[str]],
) -> None:
    folder, made, said = done
    table = pd.read_csv(folder.runs / "trial" / "search.csv")
    assert table["learning_rate"].tolist() == [0.0001, 0.01, 0.02]
    best = int(table["score"].to_numpy().argmax()) + 1
    assert table.loc[table["state"] == "chosen", "number"].tolist() == [best]
    assert table["divergence"].is_monotonic_increasing
    (final,) = [run for run in planned_runs(folder, made)[0] if run.aside is None]
    assert read_manifest(final.folder).config["settings"]["learning_rate"] == SETTINGS[best - 1]["learning_rate"]
    assert len(final.pairs) == 4
    assert any(
        f"trial/a: setting {best} of 3 is chosen (learning_rate {SETTINGS[best - 1]['learning_rate']:g})" in line
        for line in said
    )


def test_what_is_known_is_not_done_again_and_other_ratings_undo_it(
    done: tuple[StudyFolder, Study, list[str]], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made, _ = done
    monkeypatch.setattr(work, "tune", lambda *_: pytest.fail("a run was done again"))
    monkeypatch.setattr(work, "judged", lambda *_: pytest.fail("a try was judged again"))
    assert [result.earlier for result in train(folder, made)] == [True]
    # One setting more leaves the others as they are, but the choice is open.
    more = searching(tiny, (*SETTINGS, {"learning_rate": 0.03}))
    runs, impossible = planned_runs(folder, more)
    assert [read_outcome(run) is not None for run in runs] == [True, True, True, False]
    assert [(str(key), type(error)) for key, error in impossible] == [("trial/a/seed-1", UndecidedError)]
    # Other samples are to be judged again, of the same models.
    again = searching(tiny, samples=3)
    assert all(run.finished and read_outcome(run) is None for run in planned_runs(folder, again)[0])
    with pytest.raises(MismatchError, match="learning_rate"):
        train(folder, searching(tiny, ({"learning_rate": 0.5}, *SETTINGS[1:])))


def test_a_kill_between_tries_leaves_no_trace(
    done: tuple[StudyFolder, Study, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, made, _ = done
    folder, real = with_ratings(tmp_path, MANY), trying.judged

    def killed(run: PlannedRun, *rest: object) -> Outcome:
        if run.key.tried == 2:
            raise KeyboardInterrupt
        return real(run, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "judged", killed)
    with pytest.raises(KeyboardInterrupt):
        train(folder, made)
    monkeypatch.setattr(work, "judged", real)
    monkeypatch.setattr(generating, "_reply", lambda *_: pytest.fail("a model was asked again"))
    tries = [run for run in planned_runs(folder, made)[0] if run.aside]
    Execution(folder, made, InThisProcess(), SILENT).try_settings(tries)
    monkeypatch.undo()
    train(folder, made)
    assert equal(weights(whole), weights(folder))
    assert (folder.runs / "trial" / "search.csv").read_bytes() == (whole.runs / "trial" / "search.csv").read_bytes()
    assert not list(folder.runs.rglob("answers"))


def test_processes_that_tried_settings_tune_the_models_too(
    done: tuple[StudyFolder, Study, list[str]], tmp_path: Path
) -> None:
    whole, made, _ = done
    folder = with_ratings(tmp_path, MANY)
    train(folder, made, engine=Workers(folder, 1))
    assert equal(weights(whole), weights(folder))
    assert (folder.runs / "trial" / "search.csv").read_bytes() == (whole.runs / "trial" / "search.csv").read_bytes()


def test_a_setting_that_diverges_is_an_outcome_and_no_failure(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made, listener = with_ratings(tmp_path, MANY), searching(tiny, SETTINGS[:2]), Listener()
    made = made.model_copy(update={"training": made.training.model_copy(update={"steps": 1})})
    real = tuning.tune

    def diverging(run: object, *rest: object) -> None:
        if run.plan.key.tried == 2:  # type: ignore[attr-defined]
            raise ConvergenceError("the loss is nan in step 2")
        real(run, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "tune", diverging)
    assert len(train(folder, made, progress=listener)) == 1
    assert "trial/a/try-2/seed-7 diverged: the setting will not be chosen." in listener.said
    assert pd.read_csv(folder.runs / "trial" / "search.csv")["state"].tolist() == ["chosen", "diverged"]
    monkeypatch.setattr(work, "tune", lambda *_: pytest.fail("a run was done again"))
    assert len(train(folder, made)) == 1


def test_the_best_is_chosen_of_those_near_enough(tiny: Path, tmp_path: Path) -> None:
    folder, made = with_ratings(tmp_path, MANY), searching(tiny, most_divergence=0.5)
    (experiment,) = made.experiments
    runs = [run for run in planned_runs(folder, made)[0] if run.aside]
    outcomes = ({"x": 1.0, "y": 3.0}, {"x": 4.0, "y": 5.0}, {"x": 9.0, "y": 9.0})
    with pytest.raises(UndecidedError, match=r"trial/a/try-1/seed-7 has not been tried"):
        settings_tried(experiment, "a", runs)
    for run, scores, far in zip(runs, outcomes, (0.1, 0.2, 0.6), strict=True):
        _pretend(run)
        write_outcome(run, Outcome(scores, 10.0, far))
    settings = settings_tried(experiment, "a", runs)
    assert chosen(settings) == 2
    assert [one.state for one in settings] == ["tried", "chosen", "too far"]
    assert settings[0].score == pytest.approx(2.0)
    assert settings[0].score_se == pytest.approx(np.std([1.0, 3.0], ddof=1) / math.sqrt(2))
    for run in runs:
        write_outcome(run, Outcome({}, diverged="the loss is nan in step 1"))
    with pytest.raises(DataError, match="none of the 3 settings tried can be used: 3 diverged"):
        settings_tried(experiment, "a", runs)


OTHER: dict[str, object] = {
    "settings": SETTINGS[1:],
    "seeds": [8],
    "set_aside": 0.5,
    "samples": 5,
    "max_new_tokens": 3,
    "temperature": 1.0,
    "top_p": 0.5,
    "most_divergence": 0.01,
}


def test_every_field_of_a_search_changes_what_comes_of_it(tiny: Path, tmp_path: Path) -> None:
    folder = with_ratings(tmp_path, MANY)

    def made_of(study: Study) -> list[object]:
        runs = [run for run in planned_runs(folder, study)[0] if run.aside]
        for run in runs:
            if not run.finished:
                _pretend(run)
            write_outcome(run, Outcome({"x": float(run.key.tried)}, 10.0, 0.1 * run.key.tried))
        origins = [json.loads((run.folder / "tried.json").read_text())["made_from"] for run in runs]
        try:
            states: list[str] = [one.state for one in settings_tried(study.experiments[0], "a", runs)]
        except DataError:
            states = ["none"]
        return [*origins, *states]

    assert OTHER.keys() == Search.model_fields.keys()
    for name, value in OTHER.items():
        settings = value if name == "settings" else SETTINGS
        changed = {} if name == "settings" else {name: value}
        assert made_of(searching(tiny, settings, **changed)) != made_of(searching(tiny)), name  # type: ignore[arg-type]


def test_a_reward_of_tried_models_does_not_learn_what_the_referee_knows(tiny: Path, tmp_path: Path) -> None:
    folder = with_ratings(tmp_path, MANY)
    text = searching(tiny).model_dump(mode="json")
    text["experiments"][0]["conditions"][0]["training"] = {"method": "grpo", "responses_per_prompt": 2}
    tried = planned_runs(folder, parse(json.dumps(text)))[0][0]
    text["experiments"][0]["search"] = None
    (final,), _ = planned_runs(folder, parse(json.dumps(text)))
    assert tried.aside is not None
    digests = {tried.manifest.inputs["ratings"], tried.aside.ratings, final.manifest.inputs["ratings"]}
    assert len(digests) == 3
    made = parse(json.dumps(text))
    materials = Materials(folder)
    referee, reward = (
        referee_of(tried, folder, made, materials, SILENT),
        reward_of(tried, folder, made, materials, SILENT),
    )
    places = [tried.shared / name for name in ("referee", "reward")]
    assert [read_manifest(place).inputs["ratings"] for place in places] == [
        tried.aside.ratings,
        tried.manifest.inputs["ratings"],
    ]
    assert referee.heads["kindness"].weights.shape != reward.heads["kindness"].weights.shape


def test_restarting_begins_models_again_whose_settings_are_open(
    tiny: Path, tmp_path: Path, done: tuple[StudyFolder, Study, list[str]]
) -> None:
    folder, made = StudyFolder(tmp_path / "copy"), done[1]
    shutil.copytree(done[0].root, folder.root)
    feedback = Feedback.load(folder.data)
    ratings = feedback.ratings.assign(value=6 - feedback.ratings["value"])
    Feedback.of(feedback.prompts, feedback.items, feedback.raters, ratings, 5).save(folder.data, Manifest(what="other"))
    runs, impossible = planned_runs(folder, made)
    assert all(read_outcome(run) is None for run in runs)
    assert len(impossible) == 1
    # The pairs are as they were: the model stays if its setting is chosen again, and goes if it is not tried any more.
    assert discard_changed_runs(folder, made) == []
    other = searching(tiny, [{"learning_rate": 0.3}, {"learning_rate": 0.4}])
    assert [str(key) for key in discard_changed_runs(folder, other)] == [
        "trial/a/try-1/seed-7",
        "trial/a/try-2/seed-7",
        "trial/a/seed-1",
    ]
    assert not folder.run("trial", "a", 1).exists()


def _pretend(run: PlannedRun) -> None:
    """That the run is finished: what it weighs does not matter here."""
    (run.folder / "adapter").mkdir(parents=True)
    (run.folder / "adapter" / "adapter_model.safetensors").write_bytes(b"weights")
    (run.folder / "adapter" / "adapter_config.json").write_text("{}")
    write_done(run.folder, steps=1, tokens=9, first_loss=1.0, last_loss=1.0, kl={"per_token": 0.1})


def _models(tried: PlannedRun, final: PlannedRun) -> list[Path]:
    return [tried.shared / "reward", tried.shared / "referee", final.shared / "reward"]
