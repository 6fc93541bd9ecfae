"""Leniency taken out of ratings: the mathematics by quadrature, the effect on people who rate differently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pluralign.errors import DataError
from pluralign.feedback import Feedback
from pluralign.preferences import make_pairs
from pluralign.preferences.leniency import impressions, mean_between
from tests.preferences.examples import DESIRABLE, Values, condition, feedback


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.0, 0.5), (0.3, 2.0), (-np.inf, -1.0), (2.0, np.inf), (-np.inf, np.inf), (6.0, 9.0), (-40, -38)],
)
def test_the_mean_of_an_interval_equals_quadrature(low: float, high: float) -> None:
    x = np.linspace(max(low, -60.0), min(high, 60.0), 400_001)
    density = stats.logistic.pdf(x)
    wanted = np.trapezoid(x * density, x) / np.trapezoid(density, x)
    assert mean_between(np.array([low]), np.array([high]))[0] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_means_of_intervals_are_odd_and_lie_within_them() -> None:
    low = np.linspace(-8, 8, 41)
    means = mean_between(low, low + 0.5)
    assert ((low < means) & (means < low + 0.5)).all()
    assert means == pytest.approx(-mean_between(-low - 0.5, -low))


def people(seed: int = 1) -> dict[str, dict[str, int]]:
    """Ratings by 20 mild and 20 harsh raters; of the prompt's items, a is good, b is bad, others lie between."""
    draw = np.random.default_rng(seed)
    quality = {"a": 1.0, "b": -1.0, **{f"o{number}": 0.0 for number in range(8)}}
    given = {}
    for number in range(40):
        mild = 2.5 if number % 2 else -2.5
        mine = [*draw.choice(list(quality)[2:], 5, replace=False), "b" if number % 2 else "a"]
        latent = {item: quality[item] + mild + draw.logistic() for item in mine}
        given[f"r{number:02}"] = {item: int(np.digitize(value, [-3, -1, 1, 3])) + 1 for item, value in latent.items()}
    return given


def chosen_of_a_and_b(bundle: Feedback, **settings: Any) -> tuple[str, float]:
    pairs, _ = make_pairs(bundle, condition(**settings), {"helpfulness": 1.0}, desirable=DESIRABLE, language="en")
    (row,) = pairs[pairs["pair"].isin(["a>b", "b>a"])].to_dict("records")
    return row["chosen"], row["p"]


def test_a_bad_response_to_mild_raters_is_not_better_than_a_good_one_to_harsh_raters() -> None:
    bundle = feedback(people())
    kept, p_kept = chosen_of_a_and_b(bundle, comparisons="across")
    removed, p_removed = chosen_of_a_and_b(bundle, comparisons="across", leniency="removed")
    assert (kept, removed) == ("b", "a")
    assert p_kept > 0.8
    assert p_removed > 0.55
    assert chosen_of_a_and_b(bundle, policy="mean")[0] == "b"
    assert chosen_of_a_and_b(bundle, policy="mean", leniency="removed")[0] == "a"


def test_impressions_rise_with_the_rating_and_fall_with_leniency() -> None:
    ratings = feedback(people()).ratings
    found = ratings.assign(impression=impressions(ratings, "helpfulness"))
    for _, mine in found.groupby("rater"):
        assert mine.sort_values("value")["impression"].is_monotonic_increasing
        assert mine.groupby("value")["impression"].nunique().eq(1).all()
    threes = found[found["value"] == 3]
    mild = threes["rater"].str[1:].astype(int) % 2 == 1
    assert threes.loc[mild, "impression"].max() < threes.loc[~mild, "impression"].min()


def test_within_a_rater_nothing_changes() -> None:
    bundle = feedback(people())
    both = [
        make_pairs(
            bundle,
            condition(comparisons="within", leniency=leniency),
            {"helpfulness": 1.0},
            desirable=DESIRABLE,
            language="en",
        )[0]
        for leniency in ("kept", "removed")
    ]
    pd.testing.assert_frame_equal(both[0], both[1])


def test_a_low_impression_is_the_better_one_where_low_is_desirable() -> None:
    turned: Values = {
        rater: {item: (3, 6 - value) for item, value in given.items()} for rater, given in people().items()
    }
    pairs, _ = make_pairs(
        feedback(turned),
        condition(comparisons="across", leniency="removed"),
        {"toxicity": 1.0},
        desirable=DESIRABLE,
        language="en",
    )
    assert "a>b" in set(pairs["pair"])


def test_ratings_that_allow_no_model_are_an_error_that_says_so() -> None:
    bundle = feedback({f"r{number}": {"a": 3, "b": 3} for number in range(6)})
    with pytest.raises(DataError, match="`leniency: removed` needs a model of the ratings on helpfulness"):
        chosen_of_a_and_b(bundle, leniency="removed")
