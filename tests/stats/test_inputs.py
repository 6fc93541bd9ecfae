"""What the models refuse, and what they accept but flag: never a silent wrong number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from pluralign.errors import ConfigError, DataError, PluralignError, SchemaError
from pluralign.stats import ClmmFit, clm, clmm
from tests.stats.cases import SMALL_FORMULA, small


def refused(kind: type[PluralignError], *words: str, formula: str = SMALL_FORMULA, **options: Any) -> None:
    """The fit raises ``kind`` with all ``words`` in its message, which is one or two sentences."""
    fitter = clmm if "|" in formula else clm
    data = options.pop("data", None)
    with pytest.raises(kind) as caught:
        fitter(formula, small() if data is None else data, **options)
    for word in words:
        assert word in str(caught.value)


def with_column(**columns: Any) -> pd.DataFrame:
    return small().assign(**columns)


@pytest.mark.parametrize("formula", ["rating", "rating ~", "~ group", "log(rating) ~ group", "rating ~ group +* 2"])
def test_unreadable_formula(formula: str) -> None:
    refused(ConfigError, formula=formula)


def test_formula_without_an_intercept() -> None:
    refused(ConfigError, "thresholds", formula="rating ~ 0 + group")


@pytest.mark.parametrize("term", ["(1 | rater", "1 | rater", "(1 | rater + item)", "(1 | )"])
def test_unreadable_random_term(term: str) -> None:
    refused(ConfigError, formula=f"rating ~ group + {term}")


def test_random_term_given_twice() -> None:
    refused(ConfigError, "stands twice", formula="rating ~ dose + (1 | rater) + (1 | rater)")


def test_random_effect_given_twice_for_a_factor() -> None:
    refused(ConfigError, "stands twice", formula="rating ~ dose + (1 | rater) + (dose | rater)")


def test_mixed_model_without_a_random_term() -> None:
    with pytest.raises(ConfigError, match="use clm"):
        clmm("rating ~ group", small())


def test_fixed_model_with_a_random_term() -> None:
    with pytest.raises(ConfigError, match="use clmm"):
        clm(SMALL_FORMULA, small())


def test_unknown_link_lists_the_links() -> None:
    refused(ConfigError, "logit", "cauchit", link="log")


def test_unknown_threshold_structure_lists_the_structures() -> None:
    refused(ConfigError, "flexible", "equidistant", threshold="free")


def test_structured_thresholds_need_enough_categories() -> None:
    refused(ConfigError, "at least 3", data=small(categories=2), threshold="symmetric")


@pytest.mark.parametrize("nagq", [0, -3, 101, 2.5, True])
def test_bad_number_of_quadrature_points(nagq: Any) -> None:
    refused(ConfigError, "nagq", formula="rating ~ dose + (1 | rater)", nagq=nagq)


@pytest.mark.parametrize("formula", [SMALL_FORMULA, "rating ~ dose + (1 + dose | rater)"])
def test_quadrature_needs_one_random_intercept(formula: str) -> None:
    refused(ConfigError, "nagq=1", formula=formula, nagq=5)


def test_absent_column_lists_the_columns() -> None:
    refused(SchemaError, "'age'", "dose", formula="rating ~ age + (1 | rater)")


def test_data_that_are_no_table() -> None:
    refused(SchemaError, "data frame", data={"rating": [1, 2]})


def test_factor_used_as_fixed_and_random() -> None:
    refused(ConfigError, "'rater'", "both", formula="rating ~ rater + (1 | rater)")


def test_response_used_as_predictor() -> None:
    refused(ConfigError, "response", formula="rating ~ dose + rating + (1 | rater)")


def test_constant_response() -> None:
    refused(DataError, "constant", data=with_column(rating=3))


def test_unused_category_of_numbers() -> None:
    refused(DataError, "category 2", data=small().query("rating != 2"))


def test_unused_category_of_an_ordered_categorical() -> None:
    answers = pd.Categorical(["no", "yes"] * 240, categories=["no", "perhaps", "yes"], ordered=True)
    refused(DataError, "perhaps", data=with_column(rating=answers))


def test_response_without_an_order() -> None:
    refused(DataError, "ordered", data=with_column(rating=pd.Categorical(["no", "yes"] * 240)))


@pytest.mark.parametrize("values", [["no", "yes"] * 240, [0, 1] * 240, [1.5, 2.0] * 240, [True, False] * 240])
def test_response_that_is_no_rating(values: list[Any]) -> None:
    refused(DataError, "1 … K", data=with_column(rating=values))


def test_predictor_with_a_single_value() -> None:
    refused(DataError, "'group'", "single value", data=with_column(group="a"))


def test_collinear_predictors_are_named() -> None:
    table = with_column(double=lambda t: 2 * t["dose"] + 1)
    refused(DataError, "'dose'", "'double'", data=table, formula="rating ~ dose + double + (1 | rater)")


def test_infinite_predictor() -> None:
    table = small()
    table.loc[3, "dose"] = np.inf
    refused(DataError, "finite", data=table)


def test_grouping_factor_with_one_level() -> None:
    refused(DataError, "one level", data=with_column(item="i1"))


def test_grouping_factor_with_a_level_per_rating() -> None:
    refused(DataError, "Every rating", data=with_column(item=range(480)))


def test_grouping_factors_that_divide_ratings_alike() -> None:
    refused(DataError, "same way", data=with_column(item=small()["rater"]))


def test_random_slopes_that_determine_each_other() -> None:
    table = with_column(double=lambda t: 2 * t["dose"])
    refused(DataError, "determine", data=table, formula="rating ~ dose + (1 + dose + double | rater)")


def test_more_random_effects_than_ratings() -> None:
    table = small().groupby("rater").head(2).reset_index(drop=True)
    refused(DataError, "as many as", data=table, formula="rating ~ dose + (1 + dose | rater)")


def test_missing_values_as_an_error_are_counted_by_column() -> None:
    table = small()
    table.loc[[0, 1], "dose"] = np.nan
    refused(DataError, "2 of 480", "dose (2)", data=table, missing="error")


def test_unknown_treatment_of_missing_values() -> None:
    refused(ConfigError, "missing=", missing="ignore")


def test_no_complete_row() -> None:
    refused(DataError, "No complete row", data=with_column(dose=np.nan))


@pytest.mark.parametrize("weights", [[1.0], [-1.0] * 480, [np.inf] * 480, [np.nan] * 480, ["a"] * 480])
def test_bad_weights(weights: list[Any]) -> None:
    refused(DataError, "eights must be", weights=weights)


def test_missing_rows_are_dropped_and_counted() -> None:
    table = small()
    table.loc[[5, 9], "dose"] = np.nan
    table.loc[9, "rater"] = None
    fit = clmm(SMALL_FORMULA, table)
    assert (fit.n_dropped, fit.n_ratings) == (2, 478)
    whole = clmm(SMALL_FORMULA, table.drop(index=[5, 9]))
    assert fit.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-9)


def test_rows_with_an_unknown_weight_are_dropped() -> None:
    table = with_column(weight=1.0)
    table.loc[[0, 7], "weight"] = np.nan
    assert clmm(SMALL_FORMULA, table, weights="weight").n_dropped == 2


def test_unused_level_of_a_predictor_is_left_out_and_said() -> None:
    table = with_column(group=pd.Categorical(small()["group"], categories=["a", "b", "c", "d"]))
    fit = clmm(SMALL_FORMULA, table)
    assert list(fit.coef) == ["group[T.b]", "group[T.c]", "dose"]
    assert any("level d" in warning for warning in fit.warnings)


def separated_fit() -> ClmmFit:
    table = small()
    table.loc[table["rater"].isin(["r01", "r04", "r07"]), "group"] = "top"
    table.loc[table["group"] == "top", "rating"] = 4
    return clmm(SMALL_FORMULA, table)


def test_separation_is_flagged() -> None:
    fit = separated_fit()
    assert fit.diagnostics.separated == ("group[T.top]",)
    assert any("separation" in warning and "group[T.top]" in warning for warning in fit.warnings)
    assert not fit.diagnostics_table().set_index("quantity").loc["separated", "good"]


def test_separation_leaves_other_estimates_alone() -> None:
    fit = separated_fit()
    assert abs(fit.coef["dose"] - clmm(SMALL_FORMULA, small()).coef["dose"]) < 0.1


def test_level_of_a_single_rater_is_flagged() -> None:
    table = small()
    table.loc[table["rater"] == "r05", "group"] = "rare"
    fit = clmm(SMALL_FORMULA, table)
    assert any("group[T.rare] rests on a single rater" in warning for warning in fit.warnings)
    assert fit.standard_errors["group[T.rare]"] > fit.random_sd["rater"]


def test_no_variation_between_levels_is_flagged_as_boundary() -> None:
    table = small()
    table["item"] = [f"i{i % 20}" for i in range(len(table))]
    fit = clmm("rating ~ dose + (1 | item)", table)
    assert fit.diagnostics.boundary == ("item",)
    assert fit.random_sd["item"] == pytest.approx(0.0, abs=1e-3)
    assert math.isnan(fit.standard_errors["item"])
    assert any("no variation" in warning for warning in fit.warnings)
    without = clm("rating ~ dose", table)
    assert fit.coef["dose"] == pytest.approx(without.coef["dose"], abs=1e-4)
    assert fit.log_likelihood == pytest.approx(without.log_likelihood, abs=1e-5)


@pytest.mark.parametrize("convert", [pl.from_pandas, lambda t: pa.Table.from_pandas(t, preserve_index=False)])
def test_other_data_frames_give_the_same_fit(convert: Any) -> None:
    ours, theirs = clmm(SMALL_FORMULA, small()), clmm(SMALL_FORMULA, convert(small()))
    assert theirs.coef == ours.coef
    assert theirs.log_likelihood == ours.log_likelihood


def test_polars_enum_gives_the_order_of_the_response() -> None:
    words = ["never", "rarely", "often", "always"]
    table = small()
    frame = pl.from_pandas(table.assign(rating=[words[k - 1] for k in table["rating"]]))
    fit = clmm(SMALL_FORMULA, frame.with_columns(pl.col("rating").cast(pl.Enum(words))))
    assert fit.categories == tuple(words)
    assert fit.log_likelihood == pytest.approx(clmm(SMALL_FORMULA, table).log_likelihood)


def test_extreme_scale_of_a_predictor_does_not_matter() -> None:
    plain = clmm(SMALL_FORMULA, small())
    scaled = clmm(SMALL_FORMULA, with_column(dose=lambda t: 1e6 * t["dose"]))
    assert_allclose(1e6 * scaled.coef["dose"], plain.coef["dose"], rtol=1e-4)
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
