"""Hidden states of responses, each read by the base model once.

They lie in ``runs/.cache``, a file for each lot that was read together, so that a stopped call goes on after the last
lot and every process of a grid finds what another has read. A damaged file counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pluralign.arrays import read_arrays, write_arrays
from pluralign.manifests import digest_of
from pluralign.training.reference import Answered

FloatArray = NDArray[np.float64]


class States:
    """What one base model in one arithmetic reads; ``folder`` is for nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, FloatArray] = {}
        for file in sorted(folder.glob("*.npz")):
            lot = read_arrays(file)
            if lot is not None:
                self._known |= dict(zip(lot["names"].tolist(), lot["states"], strict=True))

    def missing(self, wanted: Iterable[Answered]) -> list[Answered]:
        """Those of ``wanted`` that have not been read yet, each once."""
        return [answered for answered in dict.fromkeys(wanted) if digest_of(answered) not in self._known]

    def add(self, answers: Sequence[Answered], states: FloatArray) -> None:
        """Keep the ``states`` (n, width) of ``answers`` on disk."""
        names = [digest_of(answered) for answered in answers]
        self._known |= dict(zip(names, states, strict=True))
        write_arrays(self._folder / f"{digest_of(names)[:16]}.npz", names=names, states=states)

    def of(self, answers: Iterable[Answered]) -> FloatArray:
        """States of the answers, (n, width)."""
        return np.stack([self._known[digest_of(answered)] for answered in answers])
