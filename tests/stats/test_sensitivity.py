"""Other ways of doing the analysis, compared with the main one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pluralign.feedback import Feedback
from pluralign.stats import fitting
from pluralign.stats.labels import Labels
from pluralign.stats.probabilities import group_probabilities
from pluralign.stats.sensitivity import careless_raters, sensitivity
from tests.stats.small import STUDY, drawn, small_study


def long_frame(**columns: object) -> pd.DataFrame:
    base = {"seconds": 6.0, "attention": None}
    frame = pd.DataFrame({**base, **columns})
    return frame.assign(attention=frame["attention"].astype("boolean"))


def test_careless_raters_are_those_who_failed_a_check_said_one_thing_or_hurried() -> None:
    long = long_frame(
        rater=[name for name in ("failed", "uniform", "hurried", "fine", "short") for _ in range(4)][:-2],
        value=[1, 2, 3, 4, 3, 3, 3, 3, 1, 2, 3, 4, 4, 3, 2, 1, 5, 5],
        seconds=[6.0] * 8 + [1.0] * 4 + [6.0] * 6,
        attention=[True, True, False, None] + [None] * 4 + [True] * 10,
    )
    assert careless_raters(long) == {"failed", "uniform", "hurried"}


@pytest.fixture(scope="module")
def feedback() -> Feedback:
    made = drawn(seed=1)
    attention = pd.Series(np.arange(len(made.ratings)) % 40 != 0, dtype="boolean")
    return Feedback.of(made.prompts, made.items, made.raters, made.ratings.assign(attention=attention), 5)


@pytest.fixture(scope="module")
def found(feedback: Feedback) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    labels, long = Labels(small_study(), "en"), feedback.long_frame()
    main = fitting.tables(fitting.fit_dimensions(long, labels), labels)["coefficients"]
    return main, *sensitivity(long, labels, main)


def test_each_variant_is_fitted_and_says_what_it_left_out(
    feedback: Feedback, found: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
) -> None:
    _, _, variants = found
    assert list(dict.fromkeys(variants["variant"])) == ["all points", "attention", "raters"]
    attention = variants[(variants["variant"] == "attention") & (variants["dimension"] == "toxicity")].iloc[0]
    assert attention["left_out"] == 45
    assert attention["ratings"] == (feedback.ratings["attention"] & (feedback.ratings["dimension"] == "toxicity")).sum()
    left_out = careless_raters(feedback.long_frame())
    raters = variants[variants["variant"] == "raters"]["raters"]
    assert set(raters) == {len(feedback.raters) - len(left_out)}


def test_a_variant_equals_the_analysis_done_that_way(
    feedback: Feedback, found: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
) -> None:
    main, table, _ = found
    labels = Labels(small_study(STUDY.replace("  categories: [[1, 2], [3], [4, 5]]\n", "")), "en")
    one = fitting.fit_dimension(feedback.long_frame(), labels, "toxicity")
    assert one.fit is not None
    row = table[(table["variant"] == "all points") & (table["term"] == "gender[T.he]")].iloc[0]
    before = main[(main["dimension"] == "toxicity") & (main["term"] == "gender[T.he]")].iloc[0]
    assert row["estimate"] == pytest.approx(one.fit.coef["gender[T.he]"])
    assert row["main_estimate"] == before["estimate"]
    assert row["shift"] == pytest.approx((row["estimate"] - before["estimate"]) / before["std_error"])


def test_a_finding_that_does_not_hold_is_called_lost_and_one_that_turns_up_gained(
    feedback: Feedback, found: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
) -> None:
    main, table, _ = found
    key = ["dimension", "term"]
    least = table.groupby(key)["p"].min()
    none, strong = least[least > 0.2].index[0], ("toxicity", "gender[T.he]")
    assert table.groupby(key)["p"].max()[strong] < 0.001
    at = main.set_index(key).index
    claimed = main.assign(p=main["p"].mask(at == none, 0.01).mask(at == strong, 0.2))
    again, _ = sensitivity(feedback.long_frame(), Labels(small_study(), "en"), claimed)
    verdicts = again.groupby(key)["verdict"].agg(set)
    assert verdicts[none] == {"lost"}
    assert verdicts[strong] == {"gained"}
    turned = claimed.assign(estimate=-claimed["estimate"], p=0.001)
    again, _ = sensitivity(feedback.long_frame(), Labels(small_study(), "en"), turned)
    assert again.groupby(key)["verdict"].agg(set)[strong] == {"reversed"}


def test_probabilities_of_a_group_add_up_to_one_and_follow_the_coefficient(feedback: Feedback) -> None:
    labels = Labels(small_study(), "en")
    one = fitting.fit_dimension(feedback.long_frame(), labels, "toxicity")
    assert one.fit is not None
    assert one.prepared is not None
    table = group_probabilities(one.fit, one.prepared, "toxicity", labels)
    assert table.groupby(["demographic", "level"])["probability"].sum().tolist() == pytest.approx([1.0] * 5)
    top = table[table["category"] == 3].set_index(["demographic", "level"])["probability"]
    assert one.fit.coef["gender[T.he]"] > 0
    assert top[("gender", "he")] > top[("gender", "she")]
    assert table.loc[table["level"] == "she", "reference"].all()
    assert list(table["category_label"].head(3)) == [
        "strongly disagree / disagree",
        "neutral",
        "agree / strongly agree",
    ]


def test_probabilities_average_to_what_was_observed(feedback: Feedback) -> None:
    """Over the groups of one demographic, weighted by their ratings, the model gives back the shares of the data."""
    labels = Labels(small_study(), "en")
    one = fitting.fit_dimension(feedback.long_frame(), labels, "helpfulness")
    assert one.fit is not None
    assert one.prepared is not None
    table = group_probabilities(one.fit, one.prepared, "helpfulness", labels)
    gender = table[table["demographic"] == "gender"].pivot(index="level", columns="category", values="probability")
    share = one.prepared.frame["gender"].value_counts(normalize=True)
    expected = one.prepared.frame["rating"].value_counts(normalize=True).sort_index()
    found = gender.mul(share, axis=0).sum()
    assert found.tolist() == pytest.approx(expected.tolist(), abs=0.02)
