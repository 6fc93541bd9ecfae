"""What holds for any ratings."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.preferences import make_pairs
from pluralign.preferences.opinions import Objective, Opinions
from pluralign.preferences.policies import POLICIES, preserve
from tests.preferences.examples import DESIRABLE, condition, feedback

GIVEN = st.dictionaries(
    st.sampled_from([f"r{number}" for number in range(6)]),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5), min_size=1),
    min_size=1,
)
WEIGHTS = st.lists(st.sampled_from([0.25, 0.5, 1.0, 3.0]), min_size=6, max_size=6)


def opinions_of(ratings: dict[str, dict[str, int]], weights: list[float]) -> Opinions:
    items = sorted({item for given in ratings.values() for item in given})
    rows = [
        (items.index(item), number, float(value), weights[number])
        for number, given in enumerate(ratings.values())
        for item, value in given.items()
    ]
    item, rater, value, weight = (np.array(column) for column in zip(*rows, strict=True))
    objective = Objective({"helpfulness": 1.0}, frozenset(), 5)
    return Opinions(np.array(items, dtype=object), item, rater, value[:, None].astype(float), weight, objective)


@pytest.mark.parametrize("policy", sorted(POLICIES))
@given(ratings=GIVEN, weights=WEIGHTS)
@settings(max_examples=50, deadline=None)
def test_both_directions_of_a_comparison_sum_to_one(
    policy: str, ratings: dict[str, dict[str, int]], weights: list[float]
) -> None:
    compared = POLICIES[policy](opinions_of(ratings, weights), condition(policy=policy, ties="low"))
    assert compared.p + compared.p.T == pytest.approx(np.ones_like(compared.p))
    assert (compared.ties == compared.ties.T).all()
    assert (compared.comparisons == compared.comparisons.T).all()


@given(ratings=GIVEN, weights=WEIGHTS)
@settings(max_examples=50, deadline=None)
def test_preserve_equals_counting_comparisons_one_by_one(
    ratings: dict[str, dict[str, int]], weights: list[float]
) -> None:
    opinions = opinions_of(ratings, weights)
    compared = preserve(opinions, condition())
    weight_of = dict(zip(ratings, weights, strict=False))
    for first, second in combinations(range(len(opinions.items)), 2):
        a, b = opinions.items[first], opinions.items[second]
        both = [(rater, rater) for rater, given in ratings.items() if a in given and b in given]
        met = both or [
            (one, other) for one in ratings for other in ratings if a in ratings[one] and b in ratings[other]
        ]
        tally: dict[int, float] = defaultdict(float)
        for one, other in met:
            mass = weight_of[one] if both else weight_of[one] * weight_of[other]
            tally[int(np.sign(ratings[one][a] - ratings[other][b]))] += mass
        assert compared.p[first, second] == pytest.approx((tally[1] + tally[0] / 2) / sum(tally.values()))
        assert compared.comparisons[first, second] == len(met)
        assert compared.within_rater[first, second] == len(both)


@given(ratings=GIVEN, order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_raters_and_ratings_is_irrelevant(ratings: dict[str, dict[str, int]], order: Any) -> None:
    turned = list(ratings.items())
    order.shuffle(turned)
    pd.testing.assert_frame_equal(pairs(ratings), pairs(dict(turned)))


@given(ratings=GIVEN)
@settings(max_examples=15, deadline=None)
def test_a_tie_never_becomes_a_preference(ratings: dict[str, dict[str, int]]) -> None:
    same = {rater: dict.fromkeys(given, 3) for rater, given in ratings.items()}
    assert pairs(same).empty
    rows = pairs(ratings)
    assert (rows["ties"] < rows["comparisons"]).all()
    assert rows["p"].between(0.5, 1.0).all()


@given(ratings=GIVEN, margin=st.floats(-5, 5))
@settings(max_examples=15, deadline=None)
def test_soft_and_hard_rows_give_the_same_dpo_loss(ratings: dict[str, dict[str, int]], margin: float) -> None:
    """The margin of each pair is that of its items in alphabetical order, whichever of them is chosen."""
    assert loss(pairs(ratings), margin) == pytest.approx(loss(pairs(ratings, rows="hard"), margin))


def pairs(ratings: dict[str, dict[str, int]], **settings: Any) -> pd.DataFrame:
    bundle = feedback(ratings)
    return make_pairs(bundle, condition(**settings), {"helpfulness": 1.0}, desirable=DESIRABLE, language="en")[0]


def loss(rows: pd.DataFrame, margin: float) -> float:
    """Sum of weight * -(p log sigmoid(d) + (1 - p) log sigmoid(-d))."""
    total = 0.0
    for row in rows.to_dict("records"):
        d = margin if row["chosen"] < row["rejected"] else -margin
        total += row["weight"] * (row["p"] * math.log1p(math.exp(-d)) + (1 - row["p"]) * math.log1p(math.exp(d)))
    return total
