"""Weighted estimates beside unweighted ones, with standard errors that know of raters, equal to those of R's survey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pluralign import clm
from pluralign.errors import SchemaError
from pluralign.stats.labels import Labels
from pluralign.stats.weighted import (
    WEIGHTED_COLUMNS,
    clustered_errors,
    mean_by_rater,
    weighted_table,
    weighted_to_margins,
)
from tests.stats import cases
from tests.stats.small import STUDY, counted, drawn, small_study


def weighted_case() -> tuple[pd.DataFrame, np.ndarray]:
    table = cases.small()
    raters = pd.factorize(table["rater"])[0]
    return table.assign(w=0.4 + (raters % 7) / 3), raters


# R 4.2, survey 4.1, on the table above with rating as an ordered factor:
#   d <- svydesign(id = ~rater, weights = ~w, data = t)
#   svyolr(rating ~ group + dose, design = d); svymean(~as.numeric(rating), d); svymean(~as.numeric(rating == 4), d)
SVYOLR = {
    "1|2": (-1.27258118513, 0.1693007201),
    "2|3": (0.06075312525, 0.1781329533),
    "3|4": (1.31598231219, 0.2079908432),
    "group[T.b]": (1.03733130143, 0.2475623769),
    "group[T.c]": (-0.26440118860, 0.2493206508),
    "dose": (0.53366447085, 0.1073865190),
}


def test_log_odds_and_their_errors_equal_those_of_r() -> None:
    table, raters = weighted_case()
    fit = clm("rating ~ group + dose", table, weights="w")
    errors = dict(zip(fit.parameters, clustered_errors(fit, raters), strict=True))
    for name, (estimate, error) in SVYOLR.items():
        assert {**fit.thresholds, **fit.coef}[name] == pytest.approx(estimate, abs=1e-2 * error)
        assert errors[name] == pytest.approx(error, rel=1e-4)


def test_means_and_shares_and_their_errors_equal_those_of_r() -> None:
    table, raters = weighted_case()
    weights, values = table["w"].to_numpy(), table["rating"].to_numpy(dtype=float)
    assert mean_by_rater(values, weights, raters) == pytest.approx((2.6010163, 0.07162), abs=1e-5)
    assert mean_by_rater((values == 4).astype(float), weights, raters) == pytest.approx((0.27520325, 0.0293), abs=1e-4)


def test_one_rating_per_rater_gives_the_ordinary_standard_error() -> None:
    values = np.array([1.0, 2.0, 4.0, 4.0, 5.0])
    mean, error = mean_by_rater(values, np.ones(5), np.arange(5))
    assert (mean, error) == pytest.approx((3.2, values.std(ddof=1) / np.sqrt(5)))


def test_the_table_by_hand() -> None:
    feedback = counted()
    raters = feedback.raters.assign(weight=[2.0, 1.0, 0.5, 0.5])
    long = feedback.long_frame().drop(columns="weight").merge(raters[["rater", "weight"]], on="rater")
    table = weighted_table(long, Labels(small_study(), "en"))
    assert list(table.columns) == list(WEIGHTED_COLUMNS)
    toxicity = table[table["dimension"] == "toxicity"].set_index(["quantity", "term"])
    # r1: 1, 2 · r2: 1, 4 · r3: 5 · r4: 5
    assert toxicity.loc[("mean", ""), "unweighted"] == pytest.approx(18 / 6)
    assert toxicity.loc[("mean", ""), "weighted"] == pytest.approx((2 * 3 + 5 + 0.5 * 10) / 7)
    assert toxicity.loc[("share", "1–2"), "weighted"] == pytest.approx((2 * 2 + 1) / 7)
    assert toxicity.loc[("share", "4–5"), "unweighted"] == pytest.approx(0.5)
    assert toxicity.loc[("mean", ""), "raters"] == 4
    assert (table["difference"] == table["weighted"] - table["unweighted"]).all()


def test_equal_weights_change_nothing_and_the_planted_effect_is_seen() -> None:
    table = weighted_table(drawn(seed=1).long_frame(), Labels(small_study(), "en"))
    assert table["weighted"].to_numpy() == pytest.approx(table["unweighted"].to_numpy())
    row = table[(table["dimension"] == "toxicity") & (table["term"] == "gender[T.he]")].iloc[0]
    assert row["quantity"] == "log odds"
    assert row["unweighted"] > 3 * row["unweighted_error"]


def test_weights_move_a_mean_towards_the_group_that_counts_more() -> None:
    feedback = drawn(seed=2, effect=2.0)
    long = feedback.long_frame()
    long = long.assign(weight=long["gender"].map({"he": 3.0, "she": 1.0}))
    table = weighted_table(long, Labels(small_study(), "en"))
    means = table[(table["quantity"] == "mean") & (table["dimension"] == "toxicity")]
    assert means["difference"].iloc[0] > means["unweighted_error"].iloc[0]
    log_odds = table[table["term"] == "gender[T.he]"]
    assert log_odds["difference"].abs().max() < 0.2  # the formula holds the gender already


def test_the_margins_of_the_study_file_are_applied() -> None:
    without_they = STUDY.replace("      - {code: they, label: {en: they/them, de: dey}}\n", "")
    study = small_study(without_they + "  weights: {margins: {gender: {he: 0.95, she: 0.05}}}\n")
    feedback = drawn(seed=4, effect=2.0)
    table, raked = weighted_to_margins(feedback.raters, feedback.long_frame(), Labels(study, "en"))
    assert raked.margins.set_index("code").loc["he", "weighted"] == pytest.approx(0.95)
    long = feedback.long_frame()
    he = long[(long["dimension"] == "toxicity") & (long["gender"] == "he")]["value"].mean()
    she = long[(long["dimension"] == "toxicity") & (long["gender"] == "she")]["value"].mean()
    mean = table[(table["quantity"] == "mean") & (table["dimension"] == "toxicity")]["weighted"].iloc[0]
    assert mean == pytest.approx(0.95 * he + 0.05 * she)  # every rater gave as many ratings


def test_a_formula_without_predictors_has_no_log_odds() -> None:
    study = small_study(STUDY.replace("rating ~ gender + politics + ", "rating ~ "))
    table = weighted_table(drawn(seed=3, raters=40).long_frame(), Labels(study, "en"))
    assert set(table["quantity"]) == {"mean", "share"}


def test_raters_without_a_weight_are_refused() -> None:
    long = counted().long_frame()
    with pytest.raises(SchemaError, match="ratings are by raters without a weight above 0"):
        weighted_table(long.assign(weight=np.where(long["rater"] == "r1", np.nan, 1.0)), Labels(small_study(), "en"))
