"""Merging the points of a rating scale symmetrically around its middle."""

from __future__ import annotations

from pluralign.errors import ConfigError

NEUTRAL = ("drop", "low", "high")


def merging(points: int, k: int, neutral: str | None = None) -> dict[int, int | None]:
    """New value, 1 to ``k``, of every value, 1 to ``points``; None where the rating is to be dropped.

    Defined are: all points kept; for an odd scale three points (below, at and above the middle) or two, where
    ``neutral`` says what becomes of the middle (``drop``, ``low``, ``high``); for an even scale equal groups of
    neighbouring points. Everything else would have to favour one side or guess, and raises ConfigError.
    """
    values = range(1, points + 1)
    if k not in _defined(points):
        allowed = ", ".join(str(number) for number in _defined(points))
        raise ConfigError(f"A scale of {points} points cannot be reduced symmetrically to {k}; allowed: {allowed}.")
    splits_middle = points % 2 == 1 and k == 2
    if splits_middle and neutral not in NEUTRAL:
        found = "nothing" if neutral is None else repr(neutral)
        raise ConfigError(
            f"Reducing {points} points to 2 needs a rule for the middle value {(points + 1) // 2}; neutral is "
            f"{found}, allowed: {', '.join(NEUTRAL)}."
        )
    if neutral is not None and not splits_middle:
        raise ConfigError(
            f"neutral is {neutral!r}, but reducing {points} points to {k} leaves no middle value to decide on. "
            "Remove neutral."
        )
    if k == points:
        return {value: value for value in values}
    if points % 2 == 0:
        return {value: (value - 1) * k // points + 1 for value in values}
    middle = (points + 1) // 2
    at_middle = 2 if k == 3 else {"drop": None, "low": 1, "high": 2}[neutral or "drop"]
    return {value: 1 if value < middle else k if value > middle else at_middle for value in values}


def _defined(points: int) -> list[int]:
    if points % 2 == 1:
        return sorted({2, 3, points})
    return [k for k in range(2, points + 1) if points % k == 0]
