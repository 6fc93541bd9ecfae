"""Numbers as readers of English and German expect them."""

from __future__ import annotations

import math

import pytest

from pluralign.report.numbers import MISSING, Numbers

ENGLISH, GERMAN = Numbers("en"), Numbers("de")


def test_marks_follow_the_language() -> None:
    assert (ENGLISH.count(27375), GERMAN.count(27375)) == ("27,375", "27.375")
    assert (ENGLISH.decimal(1234.5), GERMAN.decimal(1234.5)) == ("1,234.50", "1.234,50")
    assert (ENGLISH.percent(44.34), GERMAN.percent(44.34)) == ("44.3%", "44,3\N{NO-BREAK SPACE}%")


def test_negative_numbers_have_a_minus_sign_and_zero_has_none() -> None:
    assert ENGLISH.decimal(-0.5) == "−0.50"
    assert ENGLISH.decimal(-0.001) == "0.00"
    assert [ENGLISH.signed(value) for value in (0.5, -0.5, 0.004, -0.004)] == ["+0.50", "−0.50", "0.00", "0.00"]
    assert GERMAN.signed_percent(-17.88) == "−17,9\N{NO-BREAK SPACE}%"


def test_a_small_p_is_not_printed_as_zero() -> None:
    assert ENGLISH.p(0.00002) == "<\N{NO-BREAK SPACE}0.001"
    assert GERMAN.p(0.0312) == "0,031"


def test_an_interval_stays_on_one_line() -> None:
    assert ENGLISH.interval(-0.1, 0.25, signed=True) == "−0.10\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}+0.25"
    assert ENGLISH.interval(0, math.inf).endswith("∞")


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_missing_is_a_dash_never_a_zero(value: float | None) -> None:
    shown = (ENGLISH.count(value), ENGLISH.decimal(value), ENGLISH.signed(value), ENGLISH.percent(value))
    assert {*shown, ENGLISH.p(value), ENGLISH.interval(value, 1.0)} == {MISSING}
