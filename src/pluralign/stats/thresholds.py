"""Structures of thresholds: which of them are free. All are linear, θ = J α, with the names that R's ordinal uses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pluralign.errors import ConfigError
from pluralign.stats.links import FloatArray

STRUCTURES = ("flexible", "symmetric", "equidistant")


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """``jacobian`` J is (K - 1, parameters); ``names`` are those of the parameters α."""

    name: str
    jacobian: FloatArray
    names: tuple[str, ...]


def structure(name: str, categories: tuple[str, ...]) -> Structure:
    """The structure called ``name`` for these categories.

    flexible: every threshold is free. symmetric: distances are the same on both sides of the centre. equidistant:
    neighbouring thresholds are equally far apart. Raises ConfigError for an unknown name or too few categories.
    """
    n = len(categories) - 1
    if name == "flexible":
        return Structure(name, np.eye(n), tuple(f"{a}|{b}" for a, b in pairwise(categories)))
    if name == "equidistant":
        _enough(name, n, 2)
        return Structure(name, np.stack([np.ones(n), np.arange(n, dtype=float)], axis=1), ("threshold.1", "spacing"))
    if name == "symmetric":
        _enough(name, n, 2)
        return _symmetric(n)
    raise ConfigError(f"There is no threshold structure {name!r}; choose one of {', '.join(STRUCTURES)}.")


def _symmetric(n: int) -> Structure:
    """Odd n: a central threshold and spacings from it; even n: two central ones and spacings outwards from each."""
    half = n // 2
    central = 1 + (n % 2 == 0)
    spacings = half if n % 2 else half - 1
    jacobian = np.zeros((n, central + spacings))
    for k in range(n):
        mirrored = min(k, n - 1 - k)
        steps = spacings - mirrored
        side = -1.0 if k < n / 2 - 0.5 else 1.0
        jacobian[k, 0 if central == 1 or k < half else 1] = 1
        if steps > 0:
            jacobian[k, central + steps - 1] = side
    names = ("central",) if central == 1 else ("central.1", "central.2")
    return Structure("symmetric", jacobian, (*names, *(f"spacing.{i + 1}" for i in range(spacings))))


def _enough(name: str, n: int, least: int) -> None:
    if n < least:
        raise ConfigError(
            f"{name} thresholds need at least {least + 1} categories, found {n + 1}; use threshold='flexible'."
        )
