"""Arrays in files of NumPy: written beside and renamed, and absent where they are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pluralign.storage import atomic_path


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write the arrays under their names. Raises PluralignError where that is not possible."""
    with atomic_path(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays by name; None where the file is not there, is damaged or holds anything else."""
    try:
        # Opened here, since NumPy leaves a file open in which it finds no arrays.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return dict(content)
    except (OSError, ValueError, EOFError, BadZipFile, TypeError):
        return None
