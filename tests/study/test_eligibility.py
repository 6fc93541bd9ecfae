"""Who may take part, judged from one person's answers."""

from __future__ import annotations

import pandas as pd
import pytest

from pluralign.feedback.expressions import evaluate
from pluralign.study import Study, parse
from pluralign.study.base import UNDECLARED
from pluralign.study.eligibility import is_eligible
from tests.study.small import SMALL

PEOPLE = [
    {"country": country, "party": party}
    for country in ("us", "de", UNDECLARED)
    for party in ("red", "blue", UNDECLARED)
]
EXPRESSIONS = [
    "country == 'de'",
    "'de' == country",
    "'de' != country",
    "country != 'de'",
    "country in ['us', 'de']",
    "country not in ('de', 'undeclared')",
    "country == 'us' and party == 'red' or country == 'de'",
    "country == 'us' and (party == 'red' or country == 'de')",
    "not (country == 'us' or party in {'blue', 'undeclared'})",
]


def study(expression: str) -> Study:
    return parse(SMALL.replace("  target: 100", f'  target: 100\n  eligible: "{expression}"'))


def test_everybody_may_take_part_where_nothing_is_said() -> None:
    assert all(is_eligible(parse(SMALL), who) for who in PEOPLE)
    assert is_eligible(parse(SMALL), {})


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_means_what_it_means_for_the_raters_of_a_condition(expression: str) -> None:
    codes = {"country": ("us", "de"), "party": ("red", "blue")}
    expected = evaluate(expression, pd.DataFrame(PEOPLE), codes).tolist()
    assert [is_eligible(study(expression), who) for who in PEOPLE] == expected
    assert set(expected) == {True, False}


@pytest.mark.parametrize(
    ("expression", "welcome"),
    [
        ("country != 'de'", True),
        ("country not in ['de']", True),
        ("country == 'us'", False),
        ("country in ['us', 'de']", False),
        ("country in ['us', 'undeclared']", True),
        ("country != 'undeclared'", False),
    ],
)
def test_not_answering_is_an_answer_like_any_other(expression: str, welcome: bool) -> None:
    assert is_eligible(study(expression), {"country": UNDECLARED}) is welcome
