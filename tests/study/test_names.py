"""Names are found in formulas and expressions without evaluating them."""

from __future__ import annotations

import pytest

from pluralign.study.names import names_in_expression, names_in_formula, values_in_expression


@pytest.mark.parametrize(
    ("formula", "terms", "groups"),
    [
        ("rating ~ 1 + (1 | rater)", (), ("rater",)),
        ("rating ~ a + b + (1|rater) + (1 | item)", ("a", "b"), ("rater", "item")),
        ("rating ~ a * b + a:c", ("a", "b", "c"), ()),
        ("rating ~ C(a) + log(b)", ("a", "b"), ()),
        ("rating ~ a\n + b", ("a", "b"), ()),
        ("rating ~ a + (1 | rater) + (1 | rater)", ("a",), ("rater",)),
    ],
)
def test_a_formula_is_taken_apart(formula: str, terms: tuple[str, ...], groups: tuple[str, ...]) -> None:
    assert names_in_formula(formula) == ("rating", terms, groups)


@pytest.mark.parametrize(
    "formula", ["rating", "a ~ b ~ c", "rating ~", "rating ~ a +", "rating ~ a | b", "r ~ (1 | a b)"]
)
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|~|\|"):
        names_in_formula(formula)


def test_names_and_compared_values_of_an_expression_are_found() -> None:
    expression = "age in ('18-30', \"60+\") and not ('she' == gender or weight > 2)"
    assert set(names_in_expression(expression)) == {"age", "gender", "weight"}
    assert set(values_in_expression(expression)) == {("age", "18-30"), ("age", "60+"), ("gender", "she")}


@pytest.mark.parametrize("expression", ["", "a ==", "a = 1", "\0", "(" * 5000, "'\\d' =="])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        names_in_expression(expression)
