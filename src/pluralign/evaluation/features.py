"""What the judge sees of a text: its sentence embedding and the words in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SEEN_IN = 2
_MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Features:
    """Two blocks: the embedding, and for each of ``vocabulary`` the logarithm of one plus how often it occurs.

    Both are centred on the training texts (``centre``) and divided by their ``scale``, so that each carries half of a
    mean squared length of one. The embedding knows what a text is about; the words say how it is put, which it blurs.
    """

    vocabulary: tuple[str, ...]
    centre: FloatArray
    scale: FloatArray

    def of(self, texts: Sequence[str], embeddings: FloatArray) -> FloatArray:
        """Features of ``texts`` with their ``embeddings`` (n, d): shape (n, d + words)."""
        raw = np.hstack([embeddings, _counts(texts, self.vocabulary)])
        scaled: FloatArray = (raw - self.centre) / self.scale
        return scaled


def learn(texts: Sequence[str], embeddings: FloatArray) -> Features:
    """Features as the training ``texts`` define them: words that stand in at least two of them, centre, scale.

    ``embeddings``: (n, d).
    """
    seen = Counter(word for text in texts for word in set(_words(text)))
    vocabulary = tuple(sorted(word for word, number in seen.items() if number >= _SEEN_IN))
    counts = _counts(texts, vocabulary)
    centre = np.concatenate([embeddings.mean(axis=0), counts.mean(axis=0)])
    scale = np.concatenate([np.full(block.shape[1], _spread(block)) for block in (embeddings, counts)])
    return Features(vocabulary, centre, scale)


def unreadable(text: str | None) -> str | None:
    """Why a judge cannot read ``text``; None where it can."""
    if text is None or not text.strip():
        return "empty reply"
    if not _WORD.search(text):
        return "no words"
    if len(text) > _MOST_CHARACTERS:
        return f"longer than {_MOST_CHARACTERS} characters"
    return None


def _spread(block: FloatArray) -> float:
    """What to divide a block by, so that its rows have a mean squared length of one half after centring."""
    centred = block - block.mean(axis=0)
    length = float(np.sqrt(2 * (centred**2).sum(axis=1).mean()))
    return length if length > 0 else 1.0


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def _counts(texts: Sequence[str], vocabulary: Sequence[str]) -> FloatArray:
    place = {word: column for column, word in enumerate(vocabulary)}
    counts = np.zeros((len(texts), len(vocabulary)))
    for row, text in enumerate(texts):
        for word in _words(text):
            if word in place:
                counts[row, place[word]] += 1
    return np.log1p(counts)
