from __future__ import annotations

from collections import Counter

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.preferences import match

COUPLES = st.sets(st.tuples(st.sampled_from("pqr"), st.sampled_from(["ab", "ac", "ad", "bc", "bd", "cd"])), min_size=1)


def table(couples: set[tuple[str, str]], *, hard: bool = False) -> pd.DataFrame:
    rows = [(prompt, f"{prompt}{two[0]}", f"{prompt}{two[1]}") for prompt, two in sorted(couples)]
    if hard:
        rows += [(prompt, second, first) for prompt, first, second in rows]
    return pd.DataFrame(rows, columns=["prompt", "chosen", "rejected"])


def couples_per_prompt(pairs: pd.DataFrame) -> dict[str, int]:
    rows = pairs[["prompt", "chosen", "rejected"]].to_numpy().tolist()
    return dict(Counter(prompt for prompt, _ in {(prompt, frozenset(two)) for prompt, *two in rows}))


@given(one=COUPLES, two=COUPLES, seed=st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_matched_conditions_have_equally_many_pairs_on_each_prompt(
    one: set[tuple[str, str]], two: set[tuple[str, str]], seed: int
) -> None:
    matched = match({"soft": table(one), "hard": table(two, hard=True)}, seed)
    soft, hard = matched["soft"][0], matched["hard"][0]
    wanted = {
        prompt: min(sum(p == prompt for p, _ in one), sum(p == prompt for p, _ in two))
        for prompt in {p for p, _ in one} & {p for p, _ in two}
    }
    assert couples_per_prompt(soft) == couples_per_prompt(hard) == wanted
    assert len(hard) == 2 * len(soft)  # the two rows of a pair stay together
    for pairs, (kept, left_out) in ((one, matched["soft"]), (two, matched["hard"])):
        assert sum(couples_per_prompt(kept).values()) + sum(left_out.values()) == len(pairs)


@given(one=COUPLES, two=COUPLES)
@settings(max_examples=25, deadline=None)
def test_neither_the_order_of_rows_nor_of_conditions_matters(
    one: set[tuple[str, str]], two: set[tuple[str, str]]
) -> None:
    forward = match({"one": table(one), "two": table(two)}, 1)
    backward = match({"two": table(two)[::-1], "one": table(one)[::-1]}, 1)
    for name in forward:
        kept = [set(map(tuple, result[name][0][["chosen", "rejected"]].to_numpy())) for result in (forward, backward)]
        assert kept[0] == kept[1]
        assert forward[name][1] == backward[name][1]


def test_the_seed_decides_which_pairs_stay() -> None:
    many = {("p", two) for two in ("ab", "ac", "ad", "bc", "bd", "cd")}
    few = {("p", "ab"), ("p", "cd")}
    kept = {tuple(match({"many": table(many), "few": table(few)}, seed)["many"][0]["rejected"]) for seed in range(20)}
    assert len(kept) > 3


def test_conditions_keep_the_same_pairs_where_they_can() -> None:
    most = {("p", two) for two in ("ab", "ac", "ad", "bc", "bd")}
    matched = match({"all": table({*most, ("p", "cd")}), "most": table(most), "one": table({("p", "ab")})}, 3)
    both = [set(matched[name][0]["rejected"]) for name in ("all", "most")]
    assert len(both[0]) == 1
    # Either the one pair they rank first, or "cd", which only one condition has.
    assert both[0] == both[1] or matched["all"][0]["rejected"].item() == "pd"


def test_prompts_that_a_condition_lacks_are_dropped_and_counted() -> None:
    matched = match({"wide": table({("p", "ab"), ("q", "ab"), ("q", "cd")}), "narrow": table({("p", "ab")})}, 0)
    assert matched["wide"][1] == {"prompt_not_in_all": 2, "subsampled": 0}
    assert matched["narrow"][1] == {"prompt_not_in_all": 0, "subsampled": 0}
