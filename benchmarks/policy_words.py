"""The cheapest policy model: a language model of single words, 40 logits in numpy, tuned without any library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

FloatArray = NDArray[np.float64]

STEPS, BATCH, RATE, BETA = 60, 16, 0.3, 0.1


class WordsPolicy:
    """Responses of ``length`` words, each drawn for itself."""

    name = "words"

    def __init__(self, words: Sequence[str], length: int) -> None:
        self._words, self._length = words, length

    def base(self, prompts: Sequence[str], seed: int) -> list[str]:
        """A response to each prompt by a model that likes all words alike."""
        return self._draw(np.zeros(len(self._words)), len(prompts), seed)

    def tuned(self, pairs: pd.DataFrame, texts: Mapping[str, str], prompts: Sequence[str], seed: int) -> list[str]:
        """The same after direct preference optimisation; equal seeds draw equal random numbers."""
        return self._draw(self._logits(pairs, texts, seed), len(prompts), seed)

    def _logits(self, pairs: pd.DataFrame, texts: Mapping[str, str], seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        counts = {
            item: np.array([text.split().count(word) for word in self._words], dtype=float)
            for item, text in texts.items()
        }
        apart = np.array([counts[a] - counts[b] for a, b in zip(pairs["chosen"], pairs["rejected"], strict=True)])
        p, weight = pairs["p"].to_numpy(dtype=float), pairs["weight"].to_numpy(dtype=float)
        logits = rng.normal(0, 0.05, len(self._words))
        reference = log_softmax(logits)
        for _ in range(STEPS):
            rows = rng.integers(len(pairs), size=BATCH)
            # A text's log probability is linear in the words' log probabilities, and both texts have as many words.
            margin = BETA * apart[rows] @ (log_softmax(logits) - reference)
            slope = weight[rows] * (p[rows] - expit(margin))
            logits += RATE * BETA * self._length * (slope @ apart[rows]) / BATCH
        return logits

    def _draw(self, logits: FloatArray, number: int, seed: int) -> list[str]:
        rng = np.random.default_rng(1000 + seed)
        edges = np.cumsum(softmax(logits))
        texts = []
        for _ in range(number):
            words = np.searchsorted(edges, rng.random(self._length) * edges[-1])
            texts.append(" ".join(self._words[min(word, len(self._words) - 1)] for word in words))
        return texts
