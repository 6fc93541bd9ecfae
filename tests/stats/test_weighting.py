"""Raked weights meet their margins, change nothing but the margins, and say what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.errors import ConfigError, DataError
from pluralign.stats.weighting import Margins, design_effect, rake, rake_for
from tests.stats.small import STUDY, small_study


def people(**answers: Sequence[str | None]) -> pd.DataFrame:
    table = pd.DataFrame(answers)
    table.insert(0, "rater", [f"r{number}" for number in range(len(table))])
    return table


def shares(raters: pd.DataFrame, weights: pd.Series[float], demographic: str) -> dict[str, float]:
    total = weights.groupby(raters.set_index("rater")[demographic]).sum()
    return {str(code): float(share) for code, share in (total / total.sum()).items()}


def test_one_margin_gives_the_ratio_of_shares() -> None:
    raters = people(country=["us"] * 3 + ["de"])
    raked = rake(raters, {"country": {"us": 0.5, "de": 0.5}})
    assert raked.weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert raked.weights.index.tolist() == ["r0", "r1", "r2", "r3"]
    assert raked.design_effect == pytest.approx(4 * (3 * (2 / 3) ** 2 + 4) / 16)
    assert raked.effective_raters == pytest.approx(4 / raked.design_effect)


@st.composite
def reachable_margins(draw: st.DrawFn) -> tuple[pd.DataFrame, Margins]:
    """Raters whose demographics hang together, and margins that some positive weights have."""
    seed = draw(st.integers(0, 2**32 - 1))
    demographics = draw(st.integers(1, 4))
    count = draw(st.integers(30, 200))
    together = draw(st.floats(0, 0.9))
    random = np.random.default_rng(seed)
    trait = random.integers(0, 4, count)
    answers = {
        f"d{number}": np.where(random.random(count) < together, trait % (number + 2), random.integers(0, 3, count))
        for number in range(demographics)
    }
    weights = np.exp(random.normal(0, 1, count))
    raters = people(**{name: [f"c{code}" for code in codes] for name, codes in answers.items()})
    totals = {name: pd.Series(weights).groupby(raters[name]).sum() for name in answers}
    return raters, {
        name: {str(code): float(share) for code, share in (total / total.sum()).items()}
        for name, total in totals.items()
    }


@settings(max_examples=60, deadline=None)
@given(reachable_margins())
def test_margins_are_met_to_a_millionth_and_only_they_are_imposed(case: tuple[pd.DataFrame, Margins]) -> None:
    raters, margins = case
    raked = rake(raters, margins)
    for name, wanted in margins.items():
        assert shares(raters, raked.weights, name) == pytest.approx(dict(wanted), abs=1e-6)
    assert raked.weights.mean() == pytest.approx(1)
    # raking is the solution whose logarithm is a sum of one number per answer, and no other
    indicators = pd.get_dummies(raters[list(margins)]).to_numpy(dtype=float)
    logarithms = np.log(raked.weights.to_numpy())
    fitted = indicators @ np.linalg.lstsq(indicators, logarithms, rcond=None)[0]
    assert fitted == pytest.approx(logarithms, abs=1e-8)


def test_margins_are_met_where_cycling_through_them_would_take_thousands_of_rounds() -> None:
    # two questions that all but one rater in each direction answer alike; cycling needs 4,589 rounds
    raters = people(a=["x"] * 5000 + ["y"] * 5000, b=["x"] * 4999 + ["y"] * 5000 + ["x"])
    margins = {"a": {"x": 0.6, "y": 0.4}, "b": {"x": 0.5999, "y": 0.4001}}
    raked = rake(raters, margins)
    assert shares(raters, raked.weights, "a")["x"] == pytest.approx(0.6, abs=1e-6)
    assert shares(raters, raked.weights, "b")["x"] == pytest.approx(0.5999, abs=1e-6)
    assert raked.iterations < 30


def test_counts_and_shares_give_the_same_weights() -> None:
    raters = people(country=["us", "us", "us", "de", "de"])
    by_share = rake(raters, {"country": {"us": 0.2, "de": 0.8}}).weights
    by_count = rake(raters, {"country": {"us": 17, "de": 68}}).weights
    pd.testing.assert_series_equal(by_share, by_count)


def test_the_order_of_raters_does_not_matter() -> None:
    random = np.random.default_rng(3)
    raters = people(a=random.choice(["x", "y"], 50).tolist(), b=random.choice(["x", "y", "z"], 50).tolist())
    margins = {"a": {"x": 0.7, "y": 0.3}, "b": {"x": 0.2, "y": 0.2, "z": 0.6}}
    shuffled = raters.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(
        rake(raters, margins).weights, rake(shuffled, margins).weights.reindex(raters["rater"]), rtol=1e-9
    )


def test_raters_without_an_answer_keep_their_share_and_the_margin_holds_among_the_others() -> None:
    raters = people(country=["us"] * 6 + ["de"] * 2 + ["undeclared", None], age=["old", "young"] * 5)
    raked = rake(raters, {"country": {"us": 0.5, "de": 0.5}, "age": {"old": 0.5, "young": 0.5}})
    answered = raked.weights.iloc[:8]
    assert answered.iloc[:6].sum() == pytest.approx(answered.sum() / 2)
    assert raked.weights.iloc[8] + raked.weights.iloc[9] == pytest.approx(2)
    rows = raked.margins[raked.margins["demographic"] == "country"].set_index("code")
    assert rows.loc[["undeclared", "not asked"], "target"].isna().all()
    assert rows["raters"].to_dict() == {"us": 6, "de": 2, "undeclared": 1, "not asked": 1}
    assert rows.loc["us", "unweighted"] == pytest.approx(0.75)


def test_undeclared_named_in_a_margin_is_an_answer_like_any_other() -> None:
    raters = people(country=["us"] * 6 + ["de"] * 2 + ["undeclared"] * 2)
    raked = rake(raters, {"country": {"us": 0.5, "de": 0.4, "undeclared": 0.1}})
    assert raked.weights.iloc[8] == pytest.approx(0.5)


def test_margins_may_be_coarser_than_the_answers() -> None:
    raters = people(age=["18-30", "31-40", "31-40", "60+"])
    raked = rake(raters, {"age": {"young": 0.5, "60+": 0.5}}, merges={"age": {"18-30": "young", "31-40": "young"}})
    assert raked.weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


def test_the_study_file_gives_margins_by_its_own_or_by_merged_codes() -> None:
    weights = "  weights: {margins: {politics: {left: 0.5, centre: 0.25, conservative: 0.25}}}\n"
    raters = people(politics=["liberal", "rather_liberal", "rather_liberal", "liberal", "centre", "conservative"])
    raked = rake_for(small_study(STUDY + weights), raters)
    assert raked.weights.tolist() == pytest.approx([0.75] * 4 + [1.5] * 2)
    with pytest.raises(ConfigError, match="The study file gives no margins"):
        rake_for(small_study(), raters)


def test_few_and_extreme_are_warned_of() -> None:
    raters = people(age=["young"] * 97 + ["old"] * 3)
    warnings = rake(raters, {"age": {"young": 0.8, "old": 0.2}}).warnings
    assert len(warnings) == 2
    assert warnings[0].startswith("age old: 3 raters, fewer than 20, stand for 20.0 % of the population")
    assert warnings[1].startswith("3 of 100 raters count more than 5 times as much as the average, the most 6.7 times")
    assert rake(people(age=["a", "b"] * 30), {"age": {"a": 0.4, "b": 0.6}}).warnings == ()


@pytest.mark.parametrize(
    ("margins", "error", "said"),
    [
        ({}, ConfigError, "No margins were given"),
        ({"party": {"x": 1.0}}, ConfigError, 'Margins are given for "party", which the raters do not have'),
        ({"country": {}}, ConfigError, "sum to 0; they must sum to 1"),
        ({"country": {"us": 0.3, "de": 0.6}}, ConfigError, "sum to 0.9; they must sum to 1"),
        ({"country": {"us": 1.0, "de": 0.0}}, ConfigError, "gives de as 0; every answer needs a share above 0"),
        ({"country": {"us": 0.5, "de": float("nan")}}, ConfigError, "gives de as nan"),
        ({"country": {"us": 0.4, "de": 0.4, "at": 0.2}}, DataError, "gives a share to at, but no rater answered so"),
        ({"country": {"us": 1.0}}, DataError, "does not mention de, which 3 raters answered"),
        (
            {"country": {"us": 0.5, "de": 0.5}, "language": {"en": 0.3, "de": 0.7}},
            DataError,
            "No weights meet all margins at once",
        ),
    ],
)
def test_margins_that_cannot_be_met_are_refused(margins: Margins, error: type[Exception], said: str) -> None:
    raters = people(country=["us"] * 5 + ["de"] * 3, language=["en"] * 5 + ["de"] * 3)
    with pytest.raises(error, match=said):
        rake(raters, margins)


def test_no_raters_are_refused() -> None:
    with pytest.raises(DataError, match="no raters to weight"):
        rake(people(country=[]), {"country": {"us": 1.0}})


def test_a_margin_with_one_answer_changes_nothing() -> None:
    raked = rake(people(country=["us"] * 3), {"country": {"us": 1.0}})
    assert raked.weights.tolist() == [1, 1, 1]


def test_equal_weights_have_no_design_effect() -> None:
    assert design_effect(np.ones(7)) == pytest.approx(1)
