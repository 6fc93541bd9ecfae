from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.errors import ConfigError
from pluralign.feedback.scales import NEUTRAL, merging


def test_five_points_become_three_around_the_middle() -> None:
    assert merging(5, 3) == {1: 1, 2: 1, 3: 2, 4: 3, 5: 3}


@pytest.mark.parametrize(("neutral", "middle"), [("drop", None), ("low", 1), ("high", 2)])
def test_the_middle_of_five_goes_where_the_rule_for_two_points_says(neutral: str, middle: int | None) -> None:
    assert merging(5, 2, neutral) == {1: 1, 2: 1, 3: middle, 4: 2, 5: 2}


def test_even_scales_become_equal_groups_of_neighbours() -> None:
    assert merging(6, 3) == {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3}
    assert merging(4, 2) == {1: 1, 2: 1, 3: 2, 4: 2}


def test_all_points_may_be_kept() -> None:
    assert merging(7, 7) == {value: value for value in range(1, 8)}


def test_two_points_need_a_rule_for_the_middle() -> None:
    with pytest.raises(ConfigError, match=r"rule for the middle value 3; neutral is nothing, allowed: drop, low, high"):
        merging(5, 2)
    with pytest.raises(ConfigError, match="'keep'"):
        merging(5, 2, "keep")


@pytest.mark.parametrize(("points", "k"), [(5, 3), (5, 5), (4, 2)])
def test_a_rule_for_a_middle_that_is_not_decided_is_refused(points: int, k: int) -> None:
    with pytest.raises(ConfigError, match="Remove neutral"):
        merging(points, k, "low")


@pytest.mark.parametrize(
    ("points", "k", "allowed"), [(5, 4, "2, 3, 5"), (5, 1, "2, 3, 5"), (4, 3, "2, 4"), (7, 9, "2, 3, 7")]
)
def test_an_undefined_reduction_names_those_that_are_defined(points: int, k: int, allowed: str) -> None:
    with pytest.raises(ConfigError, match=f"allowed: {allowed}"):
        merging(points, k)


@given(st.integers(2, 12), st.integers(2, 12), st.sampled_from([None, *NEUTRAL]))
def test_every_defined_merging_is_monotone_and_uses_the_whole_new_scale(
    points: int, k: int, neutral: str | None
) -> None:
    try:
        rule = merging(points, k, neutral)
    except ConfigError:
        return
    kept = [new for _, new in sorted(rule.items()) if new is not None]
    assert kept == sorted(kept)
    assert set(kept) == set(range(1, k + 1))
    assert set(rule) == set(range(1, points + 1))


@given(st.integers(2, 12), st.integers(2, 12))
def test_merging_without_a_neutral_rule_is_symmetric(points: int, k: int) -> None:
    try:
        rule = merging(points, k)
    except ConfigError:
        return
    for value, new in rule.items():
        mirrored = rule[points + 1 - value]
        assert new is not None
        assert mirrored is not None
        assert new + mirrored == k + 1
