from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.errors import ConfigError
from pluralign.feedback.expressions import evaluate, parts
from tests.feedback import examples


def chosen(expression: str) -> list[str]:
    raters = examples.feedback().raters
    return list(raters.loc[evaluate(expression, raters), "rater"])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("gender == 'she'", ["r1"]),
        ("'she' == gender", ["r1"]),
        ("gender in ('she', 'they')", ["r1", "r3"]),
        ("gender in ['he']", ["r2"]),
        ("country == 'us' and gender != 'he'", ["r1"]),
        ("country == 'de' or gender == 'he'", ["r2", "r3"]),
        ("not (country == 'us' or country == 'undeclared')", ["r3"]),
        ("weight > 1", ["r3"]),
        ("0.5 < weight <= 2", ["r1", "r3", "r4"]),
        ("1 > weight", ["r2"]),
        ("weight > -1", ["r1", "r2", "r3", "r4"]),
        ("  country=='us'\n", ["r1", "r2"]),
    ],
)
def test_expressions_choose_rows(expression: str, expected: list[str]) -> None:
    assert chosen(expression) == expected


@pytest.mark.parametrize("expression", ["gender != 'he'", "not gender == 'he'", "gender not in ('he',)"])
def test_who_was_never_asked_is_in_no_group(expression: str) -> None:
    assert chosen(expression) == ["r1", "r3"]


def test_unknown_decides_nothing_where_the_rest_is_decisive() -> None:
    assert chosen("gender == 'he' or country == 'undeclared'") == ["r2", "r4"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("gendr == 'she'", "names gendr, which is no column; there are: rater, language"),
        ("gender == 'hee'", "names 'hee', which is no value of gender; there are: 'he', 'she', 'they'"),
        ("gender in ('she', 'hee')", "'hee'"),
        ("gender != 'hee'", "'hee'"),
        ("gender == she", "without quotes; words need them: 'she'"),
        ("gender == country", "without quotes"),
        ("gender < 'she'", "whose values are words"),
        ("weight == 'heavy'", "holds numbers"),
        ("gender == 3", "no value of gender"),
        ("gender in 'she'", "needs a list after in"),
        ("gender in ()", "needs a list after in"),
        ("", "is empty"),
        ("gender =", "cannot be read"),
        ("gender = 'she'", "cannot be read"),
        ("gender", "allowed are ==, !="),
        ("True", "allowed are"),
        ("'she' == 'she'", "allowed are"),
        ("weight + 1 > 2", "allowed are"),
        ("weight is 1", "allowed are"),
        ("gender == None", "allowed are"),
        ("__import__('os').system('true')", "allowed are"),
        ("gender.upper() == 'SHE'", "allowed are"),
        ("[r for r in gender]", "allowed are"),
        ("(lambda: 1)() == 1", "allowed are"),
        ("weight == -'a'", "allowed are"),
        ("not " * 700 + "weight > 1", "allowed are 2000"),
        ("(" * 900 + "weight > 1" + ")" * 900, "cannot be read"),
        ("weight > 1\0", "cannot be read"),
    ],
)
def test_whatever_is_outside_the_grammar_is_refused_in_words(expression: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        evaluate(expression, examples.feedback().raters)
    assert message in str(caught.value)


def test_codes_of_the_study_may_be_named_although_nobody_has_them() -> None:
    raters = examples.feedback().raters
    assert not evaluate("gender == 'hee'", raters, known={"gender": ["hee"]}).any()
    assert evaluate("gender != 'undeclared'", raters).sum() == 3


def test_parts_are_counted_one_by_one() -> None:
    raters = examples.feedback().raters
    assert parts("country == 'de' and gender == 'he'", raters) == [("country == 'de'", 1), ("gender == 'he'", 1)]
    assert parts("country == 'de' or gender == 'he'", raters) == [("country == 'de' or gender == 'he'", 2)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["x", "y", None]), min_size=1), st.lists(st.sampled_from(["u", None]), min_size=1))
def test_negation_of_and_is_or_of_negations(first: list[str | None], second: list[str | None]) -> None:
    size = min(len(first), len(second))
    frame = pd.DataFrame({"a": first[:size], "b": second[:size]}, dtype="str")
    known = {"a": ["x"], "b": ["u"]}
    left = evaluate("not (a == 'x' and b == 'u')", frame, known)
    right = evaluate("not a == 'x' or not b == 'u'", frame, known)
    assert left.equals(right)
