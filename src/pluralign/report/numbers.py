"""Numbers as a reader of the page's language expects them. What is missing is a dash, never a zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

MISSING = "–"
_MINUS = "−"
_TO = "\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}"
_MARKS = {"en": (",", ".", "%"), "de": (".", ",", "\N{NO-BREAK SPACE}%")}
"""Thousands separator, decimal mark, and the per cent sign with the space before it."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Formats numbers for one language of the wording."""

    language: str

    def count(self, value: Any) -> str:
        """A whole number."""
        return MISSING if _is_missing(value) else self._localised(f"{int(value):,d}")

    def decimal(self, value: Any, digits: int = 2) -> str:
        """A number with ``digits`` decimals."""
        if _is_missing(value):
            return MISSING
        if math.isinf(value):
            return "∞" if value > 0 else f"{_MINUS}∞"
        rounded = round(float(value), digits) or 0.0  # not −0.00
        return self._localised(f"{rounded:,.{digits}f}")

    def signed(self, value: Any, digits: int = 2) -> str:
        """A number with its sign, such as a difference; what rounds to zero has none."""
        text = self.decimal(value, digits)
        return f"+{text}" if not _is_missing(value) and round(value, digits) > 0 else text

    def percent(self, value: Any, digits: int = 1) -> str:
        """A percentage, given as 0 to 100."""
        return MISSING if _is_missing(value) else self.decimal(value, digits) + _MARKS[self.language][2]

    def signed_percent(self, value: Any, digits: int = 1) -> str:
        """A change in per cent, given as 0 to 100."""
        return MISSING if _is_missing(value) else self.signed(value, digits) + _MARKS[self.language][2]

    def p(self, value: Any) -> str:
        """A p value with three decimals, or that it is smaller."""
        if _is_missing(value):
            return MISSING
        return f"<\N{NO-BREAK SPACE}{self.decimal(0.001, 3)}" if value < 0.001 else self.decimal(value, 3)

    def interval(self, low: Any, high: Any, digits: int = 2, *, signed: bool = False) -> str:
        """Both ends of an interval, kept on one line."""
        if _is_missing(low) or _is_missing(high):
            return MISSING
        shown = self.signed if signed else self.decimal
        return f"{shown(low, digits)}{_TO}{shown(high, digits)}"

    def _localised(self, text: str) -> str:
        thousands, mark, _ = _MARKS[self.language]
        return text.translate(str.maketrans(",.-", thousands + mark + _MINUS))


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN is the value that differs from itself
