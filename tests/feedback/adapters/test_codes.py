from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.errors import SchemaError
from pluralign.feedback.adapters.codes import code_of, coded
from pluralign.feedback.adapters.layout import Answers

FILE = Path("data.csv")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("College degree", "college_degree"),
        ("18-24", "18-24"),
        ("Non-binary", "non-binary"),
        (">65", "over_65"),
        ("60+", "60+"),
        ("Grüne", "gruene"),
        ("Asian/Asian subcontinent", "asian_asian_subcontinent"),
        (" gen x+ ", "gen_x+"),
        ("Café", "cafe"),
        ("???", ""),
    ],
)
def test_codes_look_as_in_a_study_file(answer: str, code: str) -> None:
    assert code_of(answer) == code


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_a_code_is_always_one_that_a_study_file_takes(answer: str) -> None:
    code = code_of(answer)
    assert code == "" or re.fullmatch(r"[a-z0-9][a-z0-9_+-]*", code)


def column(*answers: str) -> pd.Series[str]:
    return pd.Series(list(answers), index=range(2, 2 + len(answers)))


def test_empty_is_never_asked_and_undeclared_is_an_answer() -> None:
    found = coded(column("Woman", "", "Rather not"), Answers("gender", undeclared=("Rather not",)), FILE)
    assert found.isna().tolist() == [False, True, False]
    assert found.dropna().tolist() == ["woman", "undeclared"]


def test_given_codes_win_and_may_join_answers() -> None:
    answers = Answers("gender", {"Woman": "she", "Female": "she"})
    assert coded(column("Woman", "Female", "Man"), answers, FILE).tolist() == ["she", "she", "man"]


def test_answers_that_differ_in_letters_only_get_one_code() -> None:
    assert coded(column("Woman", "woman ", "WOMAN"), Answers("gender"), FILE).tolist() == ["woman"] * 3


def test_different_answers_with_one_code_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"line 3: the answer 'a.b' in column x gets the same code as 'a b'"):
        coded(column("a b", "a.b"), Answers("x"), FILE)


def test_an_answer_without_letters_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"line 2: the answer '–' in column x gets no code"):
        coded(column("–"), Answers("x"), FILE)
