"""The study's models on ratings whose answer is known, and tables against values worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pluralign.errors import DataError, SchemaError
from pluralign.manifests import digest_file, read_manifest
from pluralign.stats import figures
from pluralign.stats.analysis import Analysis, analyze
from pluralign.stats.effects import coefficients, holm, with_holm
from pluralign.stats.fitting import fit_dimension
from pluralign.stats.labels import Labels
from pluralign.stats.model_frame import model_frame
from pluralign.stats.plotting import house_style, svg, with_own_ids
from pluralign.stats.recovery import recovery, recovery_sentence
from pluralign.stats.types import ClmmFit, Diagnostics
from pluralign.study import Study
from pluralign.study.plans import Weights
from tests.stats.small import STUDY, counted, drawn, small_study

TRUTH = {"toxicity": {"gender": {"he": 1.0}}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study") / "analysis"


@pytest.fixture(scope="module")
def analysis(place: Path) -> Analysis:
    return analyze(drawn(seed=1), small_study(), place, truth=TRUTH, inputs={"ratings": "abc"})


def made_fit(estimates: dict[str, tuple[float, float]], separated: tuple[str, ...] = ()) -> ClmmFit:
    """A fit with these estimates and standard errors, as if it had been computed."""
    return ClmmFit(
        formula="",
        link="logit",
        response="rating",
        categories=("1", "2"),
        category_counts=(1, 1),
        coef={term: value for term, (value, _) in estimates.items()},
        thresholds={},
        random_sd={},
        standard_errors={term: error for term, (_, error) in estimates.items()},
        covariance=np.eye(len(estimates)),
        modes={},
        log_likelihood=-1.0,
        converged=True,
        diagnostics=Diagnostics(
            gradient=0, decrement=0, condition=1, boundary=(), separated=separated, n_evaluations=1
        ),
        warnings=(),
        n_ratings=2,
        n_dropped=0,
        n_levels={},
    )


def table_of(fit: ClmmFit, study: Study | None = None) -> pd.DataFrame:
    study = study or small_study()
    prepared = model_frame(drawn(seed=1, raters=40).long_frame(), study, "toxicity")
    return coefficients(fit, prepared, "toxicity", Labels(study, "en"))


def test_ratings_are_merged_with_the_reference_first_and_gaps_counted_once() -> None:
    prepared = model_frame(counted().long_frame(), small_study(), "toxicity")
    assert prepared.dropped == {"gender not asked": 1, "politics undeclared": 1}
    assert prepared.references == {"gender": "she", "politics": "left"}
    assert prepared.frame["rating"].tolist() == [1, 1, 1, 3]
    assert prepared.frame["politics"].tolist() == ["left", "left", "centre", "centre"]
    assert list(prepared.frame["gender"].cat.categories) == ["she", "he"]
    assert prepared.categories == 3


def test_undeclared_becomes_a_level_where_the_study_keeps_it() -> None:
    study = small_study(STUDY + "  drop_undeclared: false\n")
    prepared = model_frame(counted().long_frame(), study, "toxicity")
    assert prepared.dropped == {"gender not asked": 1}
    assert list(prepared.frame["politics"].cat.categories) == ["left", "centre", "undeclared"]


def test_an_answer_the_study_does_not_list_is_left_out_and_counted() -> None:
    long = counted().long_frame().replace({"politics": {"centre": "elsewhere", "undeclared": "centre"}})
    prepared = model_frame(long, small_study(), "toxicity")
    assert prepared.dropped == {"gender not asked": 1, "politics not among the study's options": 2}


def test_nothing_left_names_what_was_dropped() -> None:
    long = counted().long_frame().assign(gender="undeclared")
    with pytest.raises(DataError, match="6 with gender undeclared"):
        model_frame(long, small_study(), "toxicity")


def test_an_absent_reference_level_is_named() -> None:
    long = counted().long_frame().query("gender == 'he'")
    with pytest.raises(DataError, match="reference level she of gender"):
        model_frame(long, small_study(), "toxicity")


def test_a_column_of_the_formula_that_is_absent_is_named() -> None:
    with pytest.raises(SchemaError, match="lack politics"):
        model_frame(counted().long_frame().drop(columns="politics"), small_study(), "toxicity")


def test_odds_follow_from_the_coefficient() -> None:
    """exp(-0.197) = 0.8212, a change of -17.9 %; half-width 1.95996 · 0.064 = 0.12544."""
    row = table_of(made_fit({"gender[T.he]": (-0.197, 0.064)})).iloc[0]
    assert row["odds_ratio"] == pytest.approx(0.82119, abs=1e-5)
    assert row["percent"] == pytest.approx(-17.881, abs=1e-3)
    assert row["odds_low"] == pytest.approx(np.exp(-0.197 - 0.125438), rel=1e-5)
    assert row["percent_high"] == pytest.approx(100 * (np.exp(-0.197 + 0.125438) - 1), rel=1e-4)
    assert (row["demographic"], row["level_label"], row["reference_label"]) == ("gender", "he/him", "she/her")


def test_a_merged_level_is_named_after_all_it_takes_in() -> None:
    row = table_of(made_fit({"politics[T.centre]": (0.1, 0.1)})).iloc[0]
    assert row["reference_label"] == "liberal / rather liberal"


def test_a_term_that_is_no_level_keeps_its_name() -> None:
    row = table_of(made_fit({"position": (0.1, 0.1)})).iloc[0]
    assert (row["demographic"], row["level_label"], row["reference"]) == ("", "position", "")


def test_a_separated_level_is_marked_as_unusable() -> None:
    fit = made_fit({"gender[T.he]": (30.0, 900.0), "politics[T.centre]": (0.1, 0.1)}, separated=("gender[T.he]",))
    table = table_of(fit)
    assert "no finite estimate" in table["note"].iloc[0]
    assert table["note"].iloc[1] == ""
    assert np.isinf(table["odds_high"].iloc[0])


def test_holm_multiplies_by_the_number_of_hypotheses_left() -> None:
    """0.01·4, 0.02·3, 0.04·2 and max(0.08, 0.05·1): the published step-down rule; a missing value does not count."""
    assert holm([0.04, 0.01, float("nan"), 0.02, 0.05]) == pytest.approx(
        [0.08, 0.04, float("nan"), 0.06, 0.08], nan_ok=True
    )
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_family_of_a_term_are_its_tests_over_the_dimensions() -> None:
    table = pd.DataFrame({"term": ["a", "b", "a"], "p": [0.01, 0.03, 0.02], "p_holm": np.nan})
    assert with_holm(table)["p_holm"].tolist() == pytest.approx([0.02, 0.03, 0.02])


def recovered(planted: dict[str, Any], level: str, **changes: Any) -> pd.Series:
    row = dict.fromkeys(("dimension_label", "demographic_label", "level_label", "reference_label"), "label")
    row |= {"dimension": "toxicity", "demographic": "politics", "level": level, "reference": "left", "note": ""}
    table = pd.DataFrame([{**row, "estimate": 0.3, "low": 0.1, "high": 0.5, **changes}])
    return recovery(table, {"toxicity": {"politics": planted}}, Labels(small_study(), "en")).iloc[0]


def test_a_planted_effect_is_that_against_the_reference() -> None:
    found = recovered({"centre": 0.5, "liberal": 0.1, "rather_liberal": 0.1}, "centre")
    assert found["planted"] == pytest.approx(0.4)
    assert found["covered"] == "yes"


def test_a_planted_effect_outside_its_interval_is_named() -> None:
    found = recovered({"centre": 0.7}, "centre", level_label="centre", dimension_label="Toxicity")
    assert found["covered"] == "no"
    sentence = recovery_sentence(found.to_frame().T)
    assert sentence.startswith("0 of 1 planted coefficients")
    assert "Outside: Toxicity, centre (planted +0.70, interval +0.10 to +0.50)." in sentence


def test_codes_with_different_effects_in_one_merged_level_are_not_compared() -> None:
    found = recovered({"liberal": 0.2, "centre": 0.5}, "centre")
    assert found["covered"] == "not comparable"
    assert np.isnan(found["planted"])


def test_a_level_whose_effect_is_no_single_number_is_not_compared() -> None:
    found = recovered({"centre": float("nan")}, "centre")
    assert found["covered"] == "not comparable"
    assert np.isnan(found["planted"])


def test_an_estimate_that_may_not_be_used_is_not_counted_as_recovered() -> None:
    assert recovered({}, "centre", note="the fit did not converge")["covered"] == "not estimated"


def test_a_planted_effect_is_found_again(analysis: Analysis) -> None:
    assert analysis.recovery is not None
    found = analysis.recovery.query("dimension == 'toxicity' and level == 'he'").iloc[0]
    assert found["planted"] == 1.0
    assert found["covered"] == "yes"
    assert found["estimate"] == pytest.approx(1.0, abs=0.5)


def test_every_table_is_a_file_named_in_the_manifest(analysis: Analysis, place: Path) -> None:
    manifest = read_manifest(place)
    files = manifest.config["files"]
    assert {f"{name}.csv" for name in analysis.tables()} <= set(files)
    assert {"forest.svg", "forest.png", "distribution.svg", "distribution.png"} <= set(files)
    assert all(digest_file(place / name) == digest for name, digest in files.items())
    assert manifest.inputs == {"ratings": "abc"}
    assert (manifest.rows_in, manifest.rows_out) == (1800, 1800)


def test_written_tables_hold_what_the_analysis_returns(analysis: Analysis, place: Path) -> None:
    written = pd.read_csv(place / "coefficients.csv", keep_default_na=False)
    assert written["term"].tolist() == analysis.coefficients["term"].tolist()
    assert written["odds_ratio"].tolist() == pytest.approx(analysis.coefficients["odds_ratio"].tolist())


def test_significant_effects_are_those_below_five_percent(analysis: Analysis) -> None:
    table = analysis.coefficients
    assert analysis.significant["p"].tolist() == table.loc[table["p"] < 0.05, "p"].tolist()
    assert "percent" in analysis.significant


def test_a_dimension_that_cannot_be_fitted_is_flagged_and_the_others_go_on(tmp_path: Path) -> None:
    feedback = drawn(seed=3, raters=60)
    ratings = feedback.ratings.assign(
        value=feedback.ratings["value"].where(feedback.ratings["dimension"] != "helpfulness", 3)
    )
    changed = type(feedback).of(feedback.prompts, feedback.items, feedback.raters, ratings, 5)
    found = analyze(changed, small_study(), tmp_path).fits.set_index("dimension")
    assert found.loc["toxicity", "status"] == "fitted"
    assert found.loc["helpfulness", "status"] == "failed"
    assert found.loc["helpfulness", "note"]


def test_tables_of_an_earlier_analysis_that_no_longer_apply_are_removed(tmp_path: Path) -> None:
    feedback, study = drawn(seed=4, raters=60), small_study()
    analyze(feedback, study, tmp_path, truth=TRUTH)
    assert (tmp_path / "recovery.csv").is_file()
    analyze(feedback, study, tmp_path)
    assert not (tmp_path / "recovery.csv").exists()
    assert "recovery.csv" not in json.loads((tmp_path / "manifest.json").read_text())["config"]["files"]


def test_equal_input_gives_equal_bytes(analysis: Analysis, place: Path, tmp_path: Path) -> None:
    analyze(drawn(seed=1), small_study(), tmp_path, truth=TRUTH, inputs={"ratings": "abc"})
    assert len(analysis.coefficients) > 0
    assert (tmp_path / "manifest.json").read_bytes() == (place / "manifest.json").read_bytes()


def test_the_forest_plot_names_references_and_levels_and_takes_labels_literally(analysis: Analysis) -> None:
    table = analysis.coefficients.replace({"level_label": {"centre": "a $5 <b> & $6"}})
    with house_style():
        for layout in ("wide", "narrow"):
            drawn_figure = figures.forest(table, layout)
            assert drawn_figure is not None
            text = svg(drawn_figure)
            assert "she/her (reference)" in text
            assert "a $5 &lt;b&gt; &amp; $6" in text


def test_there_is_no_forest_plot_without_a_usable_estimate(analysis: Analysis) -> None:
    assert figures.forest(analysis.coefficients.assign(note="the fit did not converge")) is None


def test_figures_can_share_a_page_without_sharing_ids() -> None:
    element = '<svg><g id="a"/><use href="#a"/><path clip-path="url(#a)"/></svg>'
    assert with_own_ids(element, "one") == (
        '<svg><g id="one-a"/><use href="#one-a"/><path clip-path="url(#one-a)"/></svg>'
    )


def test_perspectives_as_predictors_are_named_in_the_order_of_the_study() -> None:
    study = small_study(STUDY.replace("rating ~ gender", "rating ~ context + gender"))
    long = drawn(seed=1, raters=60).long_frame()
    prepared = model_frame(long, study, "toxicity")
    assert list(prepared.frame["context"].cat.categories) == ["plain", "empathetic"]
    labels = Labels(study, "de")
    one = fit_dimension(long, labels, "toxicity")
    assert one.fit is not None
    assert one.prepared is not None
    table = coefficients(one.fit, one.prepared, "toxicity", labels)
    row = table[table["demographic"] == "context"].iloc[0]
    assert (row["level_label"], row["reference_label"]) == ("einfühlsamer Mensch", "keine Anweisung")
    assert row["demographic_label"] == "Perspektive"
    assert "context" not in set(recovery(table, {}, labels)["demographic"])


WEIGHTS = {"margins": {"gender": {"he": 0.7, "she": 0.3}}}


def test_a_population_in_the_study_file_is_weighted_to(tmp_path: Path) -> None:
    study = small_study().model_copy(
        update={"analysis": small_study().analysis.model_copy(update={"weights": Weights.model_validate(WEIGHTS)})}
    )
    feedback = drawn(seed=1)
    found = analyze(feedback, study, tmp_path)
    assert found.margins is not None
    assert found.weighted is not None
    assert found.weighting is not None
    wanted = found.margins.dropna(subset=["target"])
    assert np.abs(wanted["weighted"] - wanted["target"]).max() < 1e-6
    assert set(found.weighted["quantity"]) == {"mean", "share", "log odds"}
    cost = found.weighting.iloc[0]
    assert cost["design_effect"] > 1
    assert cost["effective_raters"] < cost["raters"] == len(feedback.raters)
    assert (tmp_path / "weighted.csv").is_file()
    analyze(feedback, small_study(), tmp_path)
    assert not (tmp_path / "weighted.csv").exists()
