"""Back to people: a blind and balanced survey of the models' responses, whose ratings come home."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.evaluation.models import plan
from pluralign.evaluation.rounds import make_round, read_keys, take_back
from pluralign.evaluation.rounds.comparing import compare
from pluralign.feedback import Feedback, simulate
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, manifest_path
from pluralign.records import ITEMS, PROMPTS, read, write
from pluralign.study import Study
from pluralign.study import load as load_study
from pluralign.study.evaluation import JudgeSettings
from tests.evaluation.examples import Finished


@pytest.fixture
def study_with_round(evaluated: Finished, tmp_path: Path) -> tuple[StudyFolder, Study, StudyFolder]:
    folder, study = evaluated
    shutil.copytree(folder.root, tmp_path / "study")
    home = StudyFolder(tmp_path / "study")
    make_round(home, study, tmp_path / "round")
    return home, study, StudyFolder(tmp_path / "round")


def rated(away: StudyFolder, raters: int = 60) -> Feedback:
    """Ratings of the round by simulated people, written into its folder."""
    study = load_study(away.study_file)
    prompts = read(away.data / "prompts.parquet", PROMPTS)
    feedback, _ = simulate(study, prompts, read(away.data / "items.parquet", ITEMS), seed=3, raters=raters)
    feedback.save(away.data, Manifest(what="test"))
    return feedback


def test_nothing_in_the_round_says_which_model_gave_a_response(
    study_with_round: tuple[StudyFolder, Study, StudyFolder],
) -> None:
    home, study, away = study_with_round
    everything = b"".join(path.read_bytes() for path in away.root.rglob("*") if path.is_file())
    for model in plan(home, study, None).models:
        assert model.place.encode() not in everything
    items = read(away.data / "items.parquet", ITEMS)
    assert set(items["model"]) == {"blind"}
    assert items["item"].is_monotonic_increasing, "their order is that of their names"
    for experiment in study.experiments:
        assert experiment.key not in away.study_file.read_text(encoding="utf-8")


def test_every_model_answers_every_held_out_prompt_equally_often(
    study_with_round: tuple[StudyFolder, Study, StudyFolder],
) -> None:
    home, study, away = study_with_round
    (key,) = read_keys(home)
    held_out = read(home.data / "prompts.parquet", PROMPTS).query("split == 'held-out'")["prompt"]
    counts = key.rows.groupby(["place", "prompt"]).size()
    assert set(key.rows["prompt"]) == set(held_out)
    assert (counts == 1).all()
    assert len(counts) == len(held_out) * len(plan(home, study, None).models)
    fielded = load_study(away.study_file)
    assert fielded.fielding.pairs
    assert fielded.dimension_keys == study.dimension_keys
    assert fielded.languages == ("en",)


def test_the_same_words_are_rated_once_and_count_for_both_models(evaluated: Finished) -> None:
    _, study = evaluated
    key = pd.DataFrame(
        {
            "item": ["same", "same", "other"],
            "prompt": ["p", "p", "q"],
            "place": ["base/seed-1", "e/c/seed-1", "e/c/seed-1"],
            "experiment": ["", "e", "e"],
            "condition": ["base", "c", "c"],
            "seed": "1",
        }
    )
    dimension = study.dimension_keys[0]
    ratings = pd.DataFrame(
        {"rater": ["a", "b", "a"], "item": ["same", "same", "other"], "dimension": dimension, "value": [2, 4, 5]}
    )
    line = compare(ratings, key, study).set_index("dimension").loc[dimension]
    assert line["base_mean"] == 3
    assert line["tuned_mean"] == pytest.approx((2 + 4 + 5) / 3)
    assert (line["n_ratings"], line["n_raters"]) == (3, 2)


def test_ratings_come_home_with_the_models_names_and_the_comparison_is_right_by_hand(
    study_with_round: tuple[StudyFolder, Study, StudyFolder],
) -> None:
    home, study, away = study_with_round
    feedback = rated(away)
    back = take_back(home, study, away.root)
    assert (back.name, back.ratings) == ("round-1", len(feedback.ratings))
    (key,) = read_keys(home)
    line = back.differences.iloc[0]
    arms = key.rows.loc[(key.rows["experiment"] == line["experiment"]) & (key.rows["condition"] == line["condition"])]
    base = key.rows.loc[key.rows["condition"] == "base"]
    values = feedback.ratings.loc[feedback.ratings["dimension"] == line["dimension"]]
    means = [values.merge(part[["item"]], on="item")["value"].mean() for part in (arms, base)]
    assert line["difference"] == pytest.approx(means[0] - means[1])
    assert line["low"] <= line["difference"] <= line["high"]
    assert np.isfinite(back.differences["judge_difference"]).all()
    kept = Feedback.load(home.evaluation / "rounds" / "round-1" / "data")
    assert len(kept.ratings) == len(feedback.ratings)
    named = kept.items.set_index("item")["model"]
    for row in key.rows.to_dict("records"):
        assert row["place"] in named[row["item"]].split("; ")
    again = take_back(home, study, away.data)
    pd.testing.assert_frame_equal(again.differences, back.differences)
    # It is the leading judge that is set beside people, whichever that is.
    for file in home.evaluation.rglob("judgements.parquet"):
        for path in (file, manifest_path(file)):
            path.rename(path.with_name(path.name.replace("judgements", "judgements-other")))
    judged = {"evaluation": study.evaluation.model_copy(update={"judges": (JudgeSettings(key="other"),)})}
    led = take_back(home, study.model_copy(update=judged), away.root)
    pd.testing.assert_frame_equal(led.differences, back.differences)


def test_what_is_not_the_rounds_is_refused(study_with_round: tuple[StudyFolder, Study, StudyFolder]) -> None:
    home, study, away = study_with_round
    with pytest.raises(SchemaError, match="there is no such file"):
        take_back(home, study, away.root)
    with pytest.raises(DataError, match=r"its items are not those of a round of .*rounds: round-1"):
        take_back(home, study, home.root)
    rated(away)
    tampered = Feedback.load(away.data)
    items = tampered.items.assign(text_en="Another text.")
    write(items, away.data / "items.parquet", ITEMS, Manifest(what="test"))
    with pytest.raises(SchemaError, match="is not the one that went out with round-1"):
        take_back(home, study, away.root)


def test_a_taken_folder_too_many_samples_and_absent_responses_are_refused_and_leave_nothing(
    evaluated: Finished, tmp_path: Path
) -> None:
    folder, study = evaluated
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(ConfigError, match="is there already and not empty"):
        make_round(folder, study, tmp_path / "taken")
    with pytest.raises(ConfigError, match="1 to 2 are allowed"):
        make_round(folder, study, tmp_path / "new", samples=3)
    shutil.copytree(folder.root, tmp_path / "study")
    shutil.rmtree(tmp_path / "study" / "evaluation")
    with pytest.raises(DataError, match="Run `pluralign evaluate` first"):
        make_round(StudyFolder(tmp_path / "study"), study, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "study" / "evaluation" / "rounds").exists()


def test_an_analysis_by_context_is_refused_because_tuned_models_have_none(evaluated: Finished, tmp_path: Path) -> None:
    folder, _ = evaluated
    content = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    shutil.copytree(folder.root, tmp_path / "study")
    home = StudyFolder(tmp_path / "study")
    content["analysis"]["formula"] = "rating ~ context + (1 | rater)"
    home.study_file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with pytest.raises(ConfigError, match="no perspective"):
        make_round(home, load_study(home.study_file), tmp_path / "new")
    assert not (tmp_path / "new").exists()
