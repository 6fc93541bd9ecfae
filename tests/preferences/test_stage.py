from __future__ import annotations

import errno
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pluralign.errors import ConfigError, DataError, PluralignError, SchemaError
from pluralign.feedback import Feedback, split_raters
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, read_manifest
from pluralign.preferences import prefer
from pluralign.records import PAIRS, read
from pluralign.study import Study, parse
from tests.preferences.examples import feedback

FILE = """
version: 1
name: small
title: {en: Small}
languages: [en]
dimensions:
  - key: helpfulness
    desirable: high
    label: {en: Helpfulness}
    statement: {en: It helps.}
    definition: {en: It helps the person asking.}
  - key: toxicity
    desirable: low
    label: {en: Toxicity}
    statement: {en: It is toxic.}
    definition: {en: It is rude.}
scale:
  labels: [{en: one}, {en: two}, {en: three}, {en: four}, {en: five}]
demographics:
  - key: group
    question: {en: "Which group?"}
    reference: odd
    options: [{code: odd, label: {en: Odd}}, {code: even, label: {en: Even}}, {code: rare, label: {en: Rare}}]
analysis: {formula: rating ~ group + (1 | rater)}
experiments:
  - key: disagreement
    objective: {helpfulness: 1.0}
    conditions:
      - {key: keep-all, policy: preserve, scale: 5}
      - {key: rows, policy: preserve, scale: 5, rows: hard}
      - {key: majority, policy: majority, scale: 5, ties: drop}
  - key: scale
    objective: {toxicity: 1.0}
    conditions:
      - {key: five, policy: preserve, scale: 5}
      - {key: two, policy: preserve, scale: 2, neutral: drop}
"""


def study(text: str = FILE) -> Study:
    return parse(text)


def ratings() -> Feedback:
    """40 raters, each of 6 of 24 items on 6 prompts; the prompt p5 is held out."""
    draw = random.Random(1)
    items = {f"i{number:02}": f"p{number // 4}" for number in range(24)}
    given = {
        f"r{rater}": {item: (draw.randint(1, 5), draw.randint(1, 5)) for item in draw.sample(list(items), 6)}
        for rater in range(40)
    }
    bundle = feedback(given, items=items)
    return replace(bundle, prompts=bundle.prompts.assign(split=["train"] * 5 + ["held-out"]))


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    made = StudyFolder(tmp_path)
    ratings().save(made.data, Manifest(what="test"))
    return made


def pairs(folder: StudyFolder, experiment: str, condition: str) -> pd.DataFrame:
    return read(folder.pairs(experiment, condition), PAIRS)


def test_conditions_of_an_experiment_get_equally_many_pairs_on_the_same_prompts(folder: StudyFolder) -> None:
    summary = prefer(folder, study())
    assert (summary.groupby("experiment")["matched_pairs"].nunique() == 1).all()
    keep, rows, majority = (pairs(folder, "disagreement", key) for key in ("keep-all", "rows", "majority"))
    assert keep.groupby("prompt").size().equals(majority.groupby("prompt").size())
    assert len(keep) == summary["matched_pairs"].iloc[0] > 0
    assert rows["weight"].sum() == pytest.approx(len(keep))
    assert rows["weight"].max() < 1.0 or len(rows) > len(keep)


def test_a_condition_of_natural_size_keeps_its_pairs_and_does_not_touch_the_others(folder: StudyFolder) -> None:
    before = prefer(folder, study()).set_index("condition")
    text = FILE.replace(
        "      - {key: majority,",
        "      - {key: all, policy: preserve, scale: 5, size: natural}\n      - {key: majority,",
    )
    summary = prefer(folder, study(text)).set_index("condition")
    natural = summary.loc["all"]
    assert natural["matched_pairs"] == natural["natural_pairs"] > summary.loc["keep-all"]["matched_pairs"]
    assert (natural["matching_subsampled"], natural["matching_prompt_not_in_all"]) == (0, 0)
    for key in ("keep-all", "rows", "majority"):
        assert summary["matched_pairs"][key] == before["matched_pairs"][key]


def test_random_halves_make_a_placebo(folder: StudyFolder) -> None:
    text = FILE.replace(
        "      - {key: keep-all, policy: preserve, scale: 5}",
        "      - {key: keep-all, policy: preserve, scale: 5, half: first}\n"
        "      - {key: other-half, policy: preserve, scale: 5, half: second}",
    )
    summary = prefer(folder, study(text)).set_index("condition")
    first, second = summary.loc["keep-all"], summary.loc["other-half"]
    assert first["raters"] + second["raters"] == summary.loc["rows", "raters"]
    assert abs(first["raters"] - second["raters"]) <= 1
    assert first["matched_pairs"] == second["matched_pairs"]
    assert (first["half"], second["half"], summary.loc["rows", "half"]) == ("first", "second", "")


def test_groups_are_merged_as_in_the_analysis(folder: StudyFolder) -> None:
    merged = FILE.replace("options: [{code: odd", "merges: {all: [odd, even]}\n    options: [{code: odd").replace(
        "{key: two, policy: preserve, scale: 2, neutral: drop}",
        "{key: two, policy: maximin, scale: 5, groups: [group]}",
    )
    assert (prefer(folder, study(merged)).set_index("condition").loc["two", "groups"]) == "group"
    merged = merged.replace("(1 | rater)}", "(1 | rater), merges: [group]}")
    with pytest.raises(DataError, match=r"Experiment scale, condition two: Groups by group.*at least 5 raters: 1;"):
        prefer(folder, study(merged))


def test_mean_lengths_count_each_pair_once_in_the_direction_it_leans(folder: StudyFolder) -> None:
    bundle = Feedback.load(folder.data)
    long = bundle.items["item"].str[-1].astype(int) % 2 == 0
    texts = bundle.items["text_en"].where(~long, bundle.items["text_en"] + "x" * 100)
    replace(bundle, items=bundle.items.assign(text_en=texts)).save(folder.data, Manifest(what="test"))
    lines = prefer(folder, study()).set_index("condition")
    length = dict(zip(bundle.items["item"], texts.str.len(), strict=True))
    made = pairs(folder, "disagreement", "majority")
    assert lines.loc["majority", "characters_chosen"] == round(made["chosen"].map(length).mean(), 1)
    assert lines.loc["majority", "characters_rejected"] == round(made["rejected"].map(length).mean(), 1)
    for column in ("characters_chosen", "characters_rejected", "mean_p"):
        assert lines[column]["rows"] == lines[column]["keep-all"]


def test_a_damaged_table_is_refused_and_nothing_is_written(folder: StudyFolder) -> None:
    table = folder.data / "ratings.parquet"
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(SchemaError, match=r"ratings\.parquet"):
        prefer(folder, study())
    assert not folder.preferences.exists()


def test_a_full_disk_leaves_what_was_there(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    prefer(folder, study())
    before = {path: path.read_bytes() for path in folder.preferences.rglob("*") if path.is_file()}

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    changed = study(FILE.replace("toxicity: 1.0", "toxicity: 1.0, helpfulness: 1.0"))
    with pytest.raises(PluralignError, match=r"pairs\.parquet: could not be written \(No space left on device\)"):
        prefer(folder, changed)
    assert {path: path.read_bytes() for path in folder.preferences.rglob("*") if path.is_file()} == before


def test_every_candidate_is_accounted_for(folder: StudyFolder) -> None:
    summary = prefer(folder, study())
    dropped = summary.filter(like="dropped_").sum(axis=1)
    left_out = summary.filter(like="matching_").sum(axis=1)
    assert (summary["candidate_pairs"] == 5 * 6).all()
    assert (summary["natural_pairs"] == summary["candidate_pairs"] - dropped).all()
    assert (summary["matched_pairs"] == summary["natural_pairs"] - left_out).all()
    manifest = read_manifest(folder.pairs("scale", "two"))
    two = summary.set_index("condition").loc["two"]
    assert manifest.rows_in - sum(manifest.dropped.values()) == manifest.rows_out == two["matched_rows"]
    assert manifest.config["neutral"] == "drop"
    assert set(manifest.inputs) == {f"data/{name}.parquet" for name in ("prompts", "items", "raters", "ratings")}


def test_neither_judge_raters_nor_held_out_prompts_have_a_say(folder: StudyFolder) -> None:
    prefer(folder, study())
    before = pairs(folder, "disagreement", "keep-all")
    assert "p5" not in set(before["prompt"])
    bundle = Feedback.load(folder.data)
    _, judging = split_raters(bundle, study().evaluation.judge_raters, study().evaluation.seed)
    changed = bundle.ratings["rater"].isin(judging.raters["rater"]).to_numpy()
    assert 0 < changed.sum() < len(changed)
    turned = bundle.ratings.assign(value=bundle.ratings["value"].mask(changed, 6 - bundle.ratings["value"]))
    replace(bundle, ratings=turned).save(folder.data, Manifest(what="test"))
    prefer(folder, study())
    pd.testing.assert_frame_equal(pairs(folder, "disagreement", "keep-all"), before)


def test_making_pairs_again_gives_the_same_bytes(folder: StudyFolder) -> None:
    prefer(folder, study())
    before = {path: path.read_bytes() for path in folder.preferences.rglob("*") if path.is_file()}
    prefer(folder, study())
    assert {path: path.read_bytes() for path in folder.preferences.rglob("*") if path.is_file()} == before
    assert len(before) == 11


def test_only_the_experiments_asked_for_are_made_anew(folder: StudyFolder) -> None:
    first = prefer(folder, study())
    kept = folder.pairs("disagreement", "majority").stat().st_mtime_ns
    summary = prefer(folder, study(FILE.replace("toxicity: 1.0", "toxicity: 1.0, helpfulness: 1.0")), only=["scale"])
    assert folder.pairs("disagreement", "majority").stat().st_mtime_ns == kept
    assert summary["condition"].tolist() == first["condition"].tolist()
    assert (summary["mean_p"] != first["mean_p"]).tolist() == [False, False, False, True, True]


def test_conditions_that_the_study_no_longer_has_are_removed(folder: StudyFolder) -> None:
    prefer(folder, study())
    notes = folder.preferences / "scale" / "mine" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine", encoding="utf-8")
    fewer = FILE.replace("      - {key: rows, policy: preserve, scale: 5, rows: hard}\n", "")
    summary = prefer(folder, study(fewer[: fewer.index("  - key: scale")]))
    assert summary["condition"].tolist() == ["keep-all", "majority"]
    assert sorted(path.parent.name for path in folder.preferences.rglob("pairs.parquet")) == ["keep-all", "majority"]
    assert notes.is_file()


def test_a_condition_without_pairs_is_named_with_the_reason(folder: StudyFolder) -> None:
    bundle = Feedback.load(folder.data)
    on_toxicity = (bundle.ratings["dimension"] == "toxicity").to_numpy()
    equal = bundle.ratings.assign(value=bundle.ratings["value"].mask(on_toxicity, 4))
    replace(bundle, ratings=equal).save(folder.data, Manifest(what="test"))
    with pytest.raises(DataError, match=r"Experiment scale, condition five: No pairs are left.*tied.*finer scale"):
        prefer(folder, study())


def test_a_group_nobody_belongs_to_is_named_with_its_condition(folder: StudyFolder) -> None:
    text = FILE.replace(
        "{key: five, policy: preserve, scale: 5}", "{key: five, policy: preserve, scale: 5, whose: group == 'rare'}"
    )
    with pytest.raises(DataError, match="Experiment scale, condition five: No rater"):
        prefer(folder, study(text))
    assert not folder.pairs("scale", "five").exists()


NOBODY = FILE.replace(
    "{key: five, policy: preserve, scale: 5}", "{key: five, policy: preserve, scale: 5, whose: group == 'rare'}"
)


def test_the_other_conditions_are_made_although_one_fails(folder: StudyFolder) -> None:
    prefer(folder, study())
    alone = prefer(folder, study(FILE.replace("      - {key: five, policy: preserve, scale: 5}\n", "")))
    with pytest.raises(DataError) as caught:
        prefer(folder, study(NOBODY))
    assert str(caught.value).endswith("The pairs of the other conditions (4) are written.")
    summary = pd.read_csv(folder.preferences / "summary.csv", keep_default_na=False)
    assert summary["condition"].tolist() == ["keep-all", "rows", "majority", "two"]
    assert summary["matched_pairs"].tolist() == alone["matched_pairs"].tolist()
    (problem,) = pd.read_csv(folder.preferences / "problems.csv").to_dict("records")
    assert (problem["experiment"], problem["condition"]) == ("scale", "five")
    assert problem["problem"].startswith("No rater")


def test_pairs_made_before_do_not_stand_in_for_a_condition_that_fails(folder: StudyFolder) -> None:
    prefer(folder, study())
    with pytest.raises(DataError):
        prefer(folder, study(NOBODY))
    assert not folder.pairs("scale", "five").exists()
    prefer(folder, study(NOBODY), only=["disagreement"])
    assert not folder.pairs("scale", "five").exists()
    assert (folder.preferences / "problems.csv").is_file()  # of the experiment that was not made anew
    prefer(folder, study())
    assert folder.pairs("scale", "five").exists()
    assert not (folder.preferences / "problems.csv").exists()


def test_conditions_without_a_common_prompt_are_not_compared(folder: StudyFolder) -> None:
    bundle = Feedback.load(folder.data)
    prompt_of = bundle.items.set_index("item")["prompt"]
    odd_rater = bundle.ratings["rater"].map(bundle.raters.set_index("rater")["group"]) == "odd"
    early = bundle.ratings["item"].map(prompt_of) < "p3"
    apart = bundle.ratings[(odd_rater == early).to_numpy()].reset_index(drop=True)
    replace(bundle, ratings=apart).save(folder.data, Manifest(what="test"))
    text = FILE.replace(
        "{key: keep-all, policy: preserve, scale: 5}",
        "{key: keep-all, policy: preserve, scale: 5, whose: group == 'odd'}",
    )
    text = text.replace("rows: hard}", "rows: hard, whose: group == 'even'}")
    with pytest.raises(
        DataError, match=r"on no prompt that is common to all \(prompts by condition: keep-all 3, rows 2"
    ):
        prefer(folder, study(text))
    assert not folder.pairs("disagreement", "majority").exists()
    assert folder.pairs("scale", "five").exists()


@pytest.mark.parametrize(
    ("text", "only", "message"),
    [(FILE, ["sclae"], "sclae.*disagreement, scale"), (FILE[: FILE.index("experiments:")], None, "no experiments")],
)
def test_an_experiment_that_is_not_there_is_refused(folder: StudyFolder, text: str, only: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prefer(folder, study(text), only=only)
