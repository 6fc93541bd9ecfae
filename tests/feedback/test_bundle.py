from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.feedback import Feedback, split_raters
from pluralign.manifests import Manifest, read_manifest
from tests.feedback import examples

MANIFEST = Manifest(what="test", config={"from": "examples"}, seed=3, dropped={"odd": 2})


def tables(feedback: Feedback) -> dict[str, pd.DataFrame]:
    return {name: getattr(feedback, name) for name in ("prompts", "items", "raters", "ratings")}


def assert_equal(left: Feedback, right: Feedback) -> None:
    assert left.points == right.points
    for name, frame in tables(left).items():
        pd.testing.assert_frame_equal(frame, tables(right)[name])


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    before = examples.feedback()
    before.save(tmp_path / "data", MANIFEST)
    assert_equal(Feedback.load(tmp_path / "data"), before)


def test_manifests_state_origin_scale_and_what_was_dropped(tmp_path: Path) -> None:
    examples.feedback().save(tmp_path / "data", MANIFEST)
    manifest = read_manifest(tmp_path / "data" / "ratings.parquet")
    assert (manifest.config, manifest.seed, manifest.dropped) == ({"from": "examples", "points": 5}, 3, {"odd": 2})
    assert manifest.rows_out == 6


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        examples.feedback().save(tmp_path / name, MANIFEST)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 8
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ratings": examples.ratings(rater=["r1", "r1", "r2", "r3", "r3", "r9"])}, "name a rater .* first is r9"),
        ({"ratings": examples.ratings(item=["a", "b", "z", "b", "c", "c"])}, "name a item .* first is z"),
        ({"items": examples.items(prompt=["p1", "p7", "p2"])}, "name a prompt .* first is p7"),
        (
            {"ratings": examples.ratings(value=[1, 2, 3, 4, 6, 0])},
            "2 ratings lie outside the scale 1 to 5; .* is 6, by rater r3",
        ),
        (
            {"ratings": examples.ratings(item=["a", "a", "a", "b", "c", "c"])},
            "repeat an earlier rater and item and dim",
        ),
        ({"raters": examples.raters(prompt=["x"] * 4)}, "column prompt, which names something else"),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(changed: dict[str, pd.DataFrame], message: str) -> None:
    given_tables: dict[str, Any] = {**tables(examples.feedback()), **changed}
    with pytest.raises(SchemaError, match=message):
        Feedback.of(**given_tables, points=5)


def test_loading_names_the_file_that_is_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"prompts\.parquet: there is no such file"):
        Feedback.load(tmp_path / "data")
    examples.feedback().save(tmp_path / "data", MANIFEST)
    file = tmp_path / "data" / "ratings.parquet"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(SchemaError, match=r"ratings\.parquet"):
        Feedback.load(tmp_path / "data")


def test_loading_needs_the_points_of_the_scale(tmp_path: Path) -> None:
    examples.feedback().save(tmp_path / "data", MANIFEST)
    file = tmp_path / "data" / "ratings.manifest.json"
    content = json.loads(file.read_text())
    del content["config"]["points"]
    file.write_text(json.dumps(content))
    with pytest.raises(SchemaError, match="number of points of the scale is None"):
        Feedback.load(tmp_path / "data")


def test_where_keeps_the_group_and_its_ratings() -> None:
    group = examples.feedback().where("country == 'us'")
    assert list(group.raters["rater"]) == ["r1", "r2"]
    assert list(group.ratings["rater"]) == ["r1", "r1", "r2"]
    assert len(group.items) == 3


def test_an_empty_group_says_how_many_raters_each_part_has() -> None:
    with pytest.raises(DataError, match=r"country == 'de': 1 of 4; gender == 'he': 1 of 4"):
        examples.feedback().where("country == 'de' and gender == 'he'")


def test_a_group_without_ratings_is_refused() -> None:
    feedback = Feedback.of(
        examples.prompts(), examples.items(), examples.raters(), examples.ratings().iloc[:2], points=5
    )
    with pytest.raises(DataError, match="gave no ratings"):
        feedback.where("gender == 'he'")


def test_a_split_keeps_its_prompts_items_and_ratings() -> None:
    held_out = examples.feedback().on_split("held-out")
    assert list(held_out.prompts["prompt"]) == ["p2"]
    assert list(held_out.items["item"]) == ["c"]
    assert list(held_out.ratings["rater"]) == ["r3", "r4"]


def test_an_unknown_or_empty_split_is_refused() -> None:
    with pytest.raises(ConfigError, match="'test'; allowed: train, held-out"):
        examples.feedback().on_split("test")
    all_train = Feedback.of(
        examples.prompts(split=["train", "train"]), examples.items(), examples.raters(), examples.ratings(), points=5
    )
    with pytest.raises(DataError, match="0 of 2 prompts are held-out"):
        all_train.on_split("held-out")


def test_rescaling_changes_values_and_points() -> None:
    three = examples.feedback().rescale(3)
    assert three.points == 3
    assert list(three.ratings["value"]) == [1, 1, 2, 3, 3, 2]
    assert str(three.ratings["value"].dtype) == "Int16"


def test_rescaling_drops_neutral_ratings_only_when_told() -> None:
    feedback = examples.feedback()
    assert list(feedback.rescale(2, "drop").ratings["value"]) == [1, 1, 2, 2]
    assert list(feedback.rescale(2, "low").ratings["value"]) == [1, 1, 1, 2, 2, 1]
    neutral = Feedback.of(
        examples.prompts(), examples.items(), examples.raters(), examples.ratings(value=[3] * 6), points=5
    )
    with pytest.raises(DataError, match="All 6 ratings are neutral"):
        neutral.rescale(2, "drop")


def test_rescaled_ratings_can_be_saved_and_loaded(tmp_path: Path) -> None:
    three = examples.feedback().rescale(3)
    three.save(tmp_path / "data", MANIFEST)
    assert_equal(Feedback.load(tmp_path / "data"), three)


def test_the_long_frame_has_a_row_per_rating_with_rater_and_item() -> None:
    feedback = examples.feedback()
    long = feedback.long_frame()
    assert len(long) == 6
    assert list(long["gender"].fillna("?")) == ["she", "she", "he", "they", "they", "?"]
    assert list(long["prompt"]) == ["p1", "p1", "p1", "p1", "p2", "p2"]
    assert long["context"].isna().sum() == 2
    assert list(long["value"]) == list(feedback.ratings["value"])


def test_weights_meet_the_margins_and_replace_those_that_were_there(tmp_path: Path) -> None:
    before = examples.feedback()
    after = before.weight({"gender": {"she": 0.2, "he": 0.2, "they": 0.6}})
    # three of four answered; the fourth keeps a quarter of the weight
    assert after.raters["weight"].tolist() == pytest.approx([0.6, 0.6, 1.8, 1.0])
    assert before.raters["weight"].tolist() == [1.0, 0.5, 2.0, 1.0]
    assert set(after.long_frame()["weight"]) == set(after.raters["weight"])
    after.save(tmp_path / "data", MANIFEST)
    assert_equal(Feedback.load(tmp_path / "data"), after)


def test_dimensions_are_those_rated() -> None:
    assert examples.feedback().dimensions == ("helpfulness", "toxicity")


def many_raters(count: int) -> Feedback:
    raters = pd.concat([examples.raters().iloc[:1]] * count, ignore_index=True)
    raters["rater"] = [f"r{number}" for number in range(count)]
    ratings = pd.concat([examples.ratings().iloc[:1]] * count, ignore_index=True)
    ratings["rater"] = raters["rater"]
    return Feedback.of(examples.prompts(), examples.items(), raters, ratings, points=5)


def test_a_split_of_raters_meets_the_share_on_average() -> None:
    tuning, judge = split_raters(many_raters(1000), 0.4, seed=0)
    assert 350 < len(judge.raters) < 450
    assert len(tuning.raters) + len(judge.raters) == 1000


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_a_split_of_raters_is_disjoint_and_independent_of_order_and_company(seed: int, random: Any) -> None:
    everyone = many_raters(60)
    tuning, judge = (set(side.raters["rater"]) for side in split_raters(everyone, 0.5, seed))
    assert not tuning & judge
    order = list(range(60))
    random.shuffle(order)
    fewer = Feedback.of(
        everyone.prompts, everyone.items, everyone.raters.iloc[order[:40]], everyone.ratings.iloc[:0], points=5
    )
    ratings = everyone.ratings[everyone.ratings["rater"].isin(fewer.raters["rater"])]
    fewer = Feedback.of(fewer.prompts, fewer.items, fewer.raters, ratings, points=5)
    assert set(split_raters(fewer, 0.5, seed)[1].raters["rater"]) == judge & set(fewer.raters["rater"])


def test_a_split_that_leaves_a_side_empty_is_refused() -> None:
    with pytest.raises(DataError, match="leaves no ratings for"):
        split_raters(many_raters(1), 0.5, seed=0)
    with pytest.raises(ConfigError, match=r"share of raters set apart is 1\.0"):
        split_raters(many_raters(9), 1.0, seed=0)
