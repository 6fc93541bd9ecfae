"""Nobody in a release is alone with what others may know."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.errors import DataError
from pluralign.survey.release.protection import protect, smallest_cell

MERGES = {"view": {"left": "left", "rather_left": "left", "right": "right"}}


def people(*rows: tuple[str | None, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["age", "view"], dtype=object)


def test_what_is_common_already_stays_as_it_is() -> None:
    before = people(*[("young", "left")] * 3, *[("old", "right")] * 3)
    done = protect(before, ["age", "view"], MERGES, 3)
    assert done.people.equals(before)
    assert done.coarsened == ()
    assert done.report[["coarsened", "suppressed"]].to_numpy().sum() == 0


def test_answers_are_coarsened_for_everybody_before_any_is_left_out() -> None:
    before = people(*[("young", "left")] * 3, ("young", "rather_left"), *[("old", "right")] * 3)
    done = protect(before, ["age", "view"], MERGES, 3)
    assert done.coarsened == ("view",)
    assert set(done.people["view"]) == {"left", "right"}
    report = done.report.set_index("question")
    assert dict(report.loc["view"]) == {"values": 7, "coarsened": 1, "suppressed": 0, "kept": 6}


def test_a_merge_that_protects_nobody_is_not_made() -> None:
    before = people(*[("young", "left")] * 3, *[("old", "rather_left")] * 3, ("ancient", "right"), ("ancient", "right"))
    done = protect(before, ["age", "view"], MERGES, 2)
    assert done.coarsened == ()
    assert done.people.equals(before)


def test_only_the_answer_that_makes_somebody_rare_is_left_out() -> None:
    before = people(*[("young", "left")] * 3, ("young", "green"), ("young", "blue"), *[("old", "left")] * 3)
    done = protect(before, ["age", "view"], {}, 2)
    rare = done.people.iloc[3:5]
    assert rare["age"].tolist() == ["young", "young"]
    assert rare["view"].isna().all()
    assert done.report.set_index("question")["suppressed"].to_dict() == {"age": 0, "view": 2}


def test_somebody_who_cannot_be_hidden_by_one_is_joined_by_the_smallest_group() -> None:
    before = people(*[("young", "left")] * 4, *[("old", "left")] * 3, ("ancient", "green"))
    done = protect(before, ["age", "view"], {}, 3)
    assert smallest_cell(done.people, ["age", "view"]) >= 3
    assert done.people.iloc[:4].equals(before.iloc[:4])


def test_columns_that_nobody_knows_stay() -> None:
    before = people(*[("young", str(number)) for number in range(4)])
    assert protect(before, ["age"], {}, 4).people.equals(before)
    assert protect(before, [], {}, 4).people.equals(before)


def test_too_few_people_cannot_be_protected() -> None:
    with pytest.raises(DataError, match="2 people are too few"):
        protect(people(("young", "left"), ("young", "left")), ["age"], {}, 3)
    with pytest.raises(DataError, match="1 person is too few"):
        protect(people(("young", "left")), ["age"], {}, 3)


ANSWERS = st.tuples(
    st.sampled_from(["young", "old", None]), st.sampled_from(["left", "rather_left", "right", "green", None])
)


@given(st.lists(ANSWERS, min_size=5, max_size=40), st.integers(2, 5))
def test_every_combination_is_shared_and_no_answer_is_invented(rows: list[tuple[str | None, ...]], k: int) -> None:
    before = people(*rows)
    done = protect(before, ["age", "view"], MERGES, k)
    assert smallest_cell(done.people, ["age", "view"]) >= k
    for name in ("age", "view"):
        for old, new in zip(before[name], done.people[name], strict=True):
            merged = MERGES[name].get(old, old) if name in done.coarsened else old
            assert pd.isna(new) or new == merged
    counted = done.report[["coarsened", "suppressed", "kept"]].sum(axis=1)
    assert counted.tolist() == done.report["values"].tolist()
