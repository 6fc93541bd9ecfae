"""What holds for any ratings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.preferences import make_pairs
from pluralign.preferences.comparing import tally
from pluralign.preferences.opinions import Objective, Opinions
from pluralign.preferences.policies import POLICIES
from tests.preferences.examples import DESIRABLE, condition, feedback

GIVEN = st.dictionaries(
    st.sampled_from([f"r{number}" for number in range(6)]),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5), min_size=1),
    min_size=1,
)
PAIRS_GIVEN = st.dictionaries(
    st.sampled_from([f"r{number}" for number in range(6)]),
    st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1),
    min_size=1,
)
COMPARISONS = st.sampled_from(["within-first", "within", "across"])
WEIGHTS = st.lists(st.sampled_from([0.25, 0.5, 1.0, 3.0]), min_size=6, max_size=6)


def opinions_of(ratings: Mapping[str, Mapping[str, Any]], weights: list[float], pareto: bool = False) -> Opinions:
    """Opinions on helpfulness alone, or on (helpfulness, toxicity); every second rater is of group 1."""
    items = sorted({item for given in ratings.values() for item in given})
    rows = [
        (items.index(item), number, weights[number], *(value if isinstance(value, tuple) else (value,)))
        for number, given in enumerate(ratings.values())
        for item, value in given.items()
    ]
    item, rater, weight, *values = (np.array(column) for column in zip(*rows, strict=True))
    dimensions = dict(list({"helpfulness": 1.0, "toxicity": 1.0}.items())[: len(values)])
    objective = Objective(dimensions, frozenset({"toxicity"}), turn=6.0, pareto=pareto)
    ids, group = np.array(items, dtype=object), (rater % 2).astype(np.int64)
    return Opinions(ids, item, rater, group, np.stack(values, axis=1).astype(float), weight, objective, points=5)


@pytest.mark.parametrize("policy", sorted(POLICIES))
@given(ratings=GIVEN, weights=WEIGHTS, comparisons=COMPARISONS)
@settings(max_examples=50, deadline=None)
def test_both_directions_of_a_comparison_sum_to_one(
    policy: str, ratings: dict[str, dict[str, int]], weights: list[float], comparisons: str
) -> None:
    chosen = condition(policy=policy, ties="low", comparisons=comparisons)
    compared = POLICIES[policy](opinions_of(ratings, weights), chosen)
    undecided = np.isnan(compared.p)
    assert (undecided == undecided.T).all()
    assert ((compared.why != "") == undecided).all()
    assert (compared.p + compared.p.T)[~undecided] == pytest.approx(1.0)
    assert (compared.ties == compared.ties.T).all()
    assert (compared.comparisons == compared.comparisons.T).all()


@given(ratings=PAIRS_GIVEN, weights=WEIGHTS, comparisons=COMPARISONS, pareto=st.booleans())
@settings(max_examples=60, deadline=None)
def test_tallies_equal_counting_comparisons_one_by_one(
    ratings: dict[str, dict[str, tuple[int, int]]], weights: list[float], comparisons: Any, pareto: bool
) -> None:
    opinions = opinions_of(ratings, weights, pareto=pareto)
    counted = tally(opinions, comparisons)
    weight_of = dict(zip(ratings, weights, strict=False))
    for first, second in combinations(range(len(opinions.items)), 2):
        a, b = opinions.items[first], opinions.items[second]
        own = [(rater, rater) for rater, given in ratings.items() if a in given and b in given]
        all_with_all = [
            (one, other) for one in ratings for other in ratings if a in ratings[one] and b in ratings[other]
        ]
        met = {"within": own, "across": all_with_all, "within-first": own or all_with_all}[comparisons]
        within = comparisons == "within" or (comparisons == "within-first" and bool(own))
        mass = [weight_of[one] * (1 if within else weight_of[other]) for one, other in met]
        signs = [sign(ratings[one][a], ratings[other][b], pareto) for one, other in met]
        assert counted.won[first, second] == pytest.approx(sum(m for m, s in zip(mass, signs, strict=True) if s > 0))
        assert counted.won[second, first] == pytest.approx(sum(m for m, s in zip(mass, signs, strict=True) if s < 0))
        assert counted.total[first, second] == pytest.approx(sum(mass))
        assert counted.ties[first, second] == signs.count(0)
        assert counted.comparisons[first, second] == len(met)
        assert counted.within_rater[first, second] == (len(met) if within else 0)


def sign(one: tuple[int, int], other: tuple[int, int], pareto: bool) -> int:
    """1 where (helpfulness, toxicity) of one is better, -1 where worse, else 0."""
    gains = (one[0] - other[0], other[1] - one[1])
    if pareto:
        return int(min(gains) >= 0 < max(gains)) - int(max(gains) <= 0 > min(gains))
    return int(np.sign(sum(gains)))


@given(ratings=GIVEN, order=st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_the_order_of_raters_and_ratings_is_irrelevant(ratings: dict[str, dict[str, int]], order: Any) -> None:
    turned = list(ratings.items())
    order.shuffle(turned)
    pd.testing.assert_frame_equal(pairs(ratings), pairs(dict(turned)))


@given(policy=st.sampled_from(sorted(POLICIES)), ratings=GIVEN)
@settings(max_examples=20, deadline=None)
def test_a_tie_never_becomes_a_preference(policy: str, ratings: dict[str, dict[str, int]]) -> None:
    same = {rater: dict.fromkeys(given, 3) for rater, given in {**ENOUGH, **ratings}.items()}
    assert pairs(same, policy).empty
    rows = pairs({**ENOUGH, **ratings}, policy)
    assert (rows["ties"] < rows["comparisons"]).all()
    assert rows["p"].between(0.5, 1.0).all()


@given(policy=st.sampled_from(sorted(POLICIES)), ratings=GIVEN, missing=st.sets(st.sampled_from("abcd"), max_size=3))
@settings(max_examples=20, deadline=None)
def test_an_item_without_usable_ratings_is_in_no_pair(
    policy: str, ratings: dict[str, dict[str, int]], missing: set[str]
) -> None:
    """An opinion that lacks a dimension of the objective is no opinion, not one of a middling value."""
    gaps = {
        rater: {item: (value, None if item in missing else 3) for item, value in given.items()}
        for rater, given in {**ENOUGH, **ratings}.items()
    }
    whole = {"helpfulness": 1.0, "toxicity": 1.0}
    if all(item in missing for given in gaps.values() for item in given):
        return
    rows = pairs(gaps, policy, objective=whole)
    assert not missing & {*rows["chosen"], *rows["rejected"]}
    without = {r: {item: v for item, v in given.items() if item not in missing} for r, given in gaps.items()}
    known = pairs({rater: given for rater, given in without.items() if given}, policy, objective=whole)
    columns = ["pair", "p", "comparisons", "ties", "n_chosen", "n_rejected"]
    assert rows[columns].to_dict("records") == known[columns].to_dict("records")


@given(policy=st.sampled_from(["preserve", "group-balanced"]), ratings=GIVEN, margin=st.floats(-5, 5))
@settings(max_examples=8, deadline=None)
def test_soft_and_hard_rows_give_the_same_dpo_loss(
    policy: str, ratings: dict[str, dict[str, int]], margin: float
) -> None:
    """The margin of each pair is that of its items in alphabetical order, whichever of them is chosen."""
    enough = {**ENOUGH, **ratings}
    assert loss(pairs(enough, policy), margin) == pytest.approx(loss(pairs(enough, policy, rows="hard"), margin))


ENOUGH = {"s0": {"a": 2, "b": 4, "e": 3}, "s1": {"a": 4, "b": 1, "e": 3}}
"""Raters of both groups of the example bundle, so that policies which need two groups find them."""


def pairs(
    ratings: Mapping[str, Mapping[str, Any]],
    policy: str = "preserve",
    objective: dict[str, float] | None = None,
    **settings: Any,
) -> pd.DataFrame:
    needed: dict[str, Any] = {"ties": "low"} if policy == "majority" else {}
    if policy in ("group-balanced", "maximin"):
        needed = {"groups": ("parity",)}
    bundle = feedback(ratings)
    parity = bundle.raters["rater"].str[-1].astype(int) % 2
    bundle = replace(bundle, raters=bundle.raters.assign(parity=parity.map({0: "even", 1: "odd"})))
    chosen = condition(policy=policy, **needed, **settings)
    return make_pairs(bundle, chosen, objective or {"helpfulness": 1.0}, desirable=DESIRABLE, language="en")[0]


def loss(rows: pd.DataFrame, margin: float) -> float:
    """Sum of weight * -(p log sigmoid(d) + (1 - p) log sigmoid(-d))."""
    total = 0.0
    for row in rows.to_dict("records"):
        d = margin if row["chosen"] < row["rejected"] else -margin
        total += row["weight"] * (row["p"] * math.log1p(math.exp(-d)) + (1 - row["p"]) * math.log1p(math.exp(d)))
    return total
