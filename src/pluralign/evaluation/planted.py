"""What simulated raters would think of a text on average, where ratings are simulated and that is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from pluralign.feedback import Truth

FloatArray = NDArray[np.float64]

_NODES = 21


class Planted:
    """The truth of a simulation, applied to new texts."""

    def __init__(self, truth: Truth, raters: pd.DataFrame) -> None:
        self._truth = truth
        self._raters = raters

    @classmethod
    def load(cls, folder: Path, raters: pd.DataFrame) -> Planted | None:
        """The truth in the folder ``data/``; None where ratings are not simulated."""
        return cls(Truth.load(folder), raters) if (folder / Truth.FILE).is_file() else None

    def effects(self, texts: Sequence[str], dimension: str, language: str) -> FloatArray | None:
        """Effect of each text on the logit scale, (n,), the mean over the raters; None where nothing was simulated."""
        standing = self._standing(texts, dimension, language)
        return None if standing is None else standing * self._truth.weights(dimension, self._raters).mean()

    def points(self, texts: Sequence[str], dimension: str, language: str) -> FloatArray | None:
        """Expected rating of each text by the simulated raters, (n,), between 1 and K; None as above.

        The mean over the raters' planted effects and tastes, and over the normal distribution of what else raters and
        items bring along (Gauss-Hermite quadrature).
        """
        standing = self._standing(texts, dimension, language)
        if standing is None:
            return None
        truth = self._truth
        people = np.column_stack([truth.shifts(dimension, self._raters), truth.weights(dimension, self._raters)])
        kinds, numbers = np.unique(people, axis=0, return_counts=True)
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        person = kinds[:, :1] + nodes * math.hypot(truth.rater_sd[dimension], truth.item_noise_sd)
        share = (numbers / numbers.sum())[:, None] * (weights / weights.sum())
        thresholds = np.array(truth.thresholds[dimension])
        effects = standing[:, None] * kinds[:, 1]
        above = expit(effects[:, :, None, None] + person[..., None] - thresholds)
        expected: FloatArray = 1 + np.einsum("nspk,sp->n", above, share)
        return expected

    def _standing(self, texts: Sequence[str], dimension: str, language: str) -> FloatArray | None:
        if language not in self._truth.quality_mean.get(dimension, {}):
            return None
        return np.array([self._truth.standing(text, dimension, language) for text in texts])
