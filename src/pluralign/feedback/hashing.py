"""Seeded splits that depend on nothing but the seed and the identifier: not on the order of rows, not on who else is
there. A rater or prompt falls on the same side in every subset of the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def chosen(keys: Iterable[str], share: float, seed: int, purpose: str) -> NDArray[np.bool_]:
    """Which of ``keys`` fall into a share of them, each independently with probability ``share``.

    ``purpose`` keeps splits with the same seed apart: who judges says nothing about which prompt is held out.
    """
    return np.fromiter((_unit(key, seed, purpose) < share for key in keys), dtype=np.bool_)


def _unit(key: str, seed: int, purpose: str) -> float:
    digest = hashlib.sha256(f"{purpose}\x1f{seed}\x1f{key}".encode()).digest()
    return float(int.from_bytes(digest[:8], "big")) / 2.0**64
