"""Ratings collected elsewhere, read into the tables of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pluralign.feedback.adapters import dices, mapping, popquorn, prism, spica
from pluralign.feedback.adapters.assemble import Imported


class _Read(Protocol):
    def __call__(self, path: Path, *, drop_invalid: bool, held_out: float, seed: int) -> Imported: ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one kind of data is read; ``files`` names what is read at a path, for the manifest."""

    read: _Read
    files: Callable[[Path], list[Path]]

    def __call__(self, path: Path, *, drop_invalid: bool = False, held_out: float = 0.25, seed: int = 0) -> Imported:
        """Feedback from the file or folder ``path``, and the numbers of rows left out, by reason.

        ``held_out`` is the share of prompts set apart, by a hash of their identifiers with ``seed``. With
        ``drop_invalid`` rows that are wrong are left out and counted; otherwise the first one raises SchemaError with
        file and line.
        """
        return self.read(path, drop_invalid=drop_invalid, held_out=held_out, seed=seed)


ADAPTERS: Mapping[str, Adapter] = {
    "popquorn": Adapter(popquorn.read, popquorn.files),
    "spica": Adapter(spica.read, spica.files),
    "dices": Adapter(dices.read, dices.files),
    "prism": Adapter(prism.read, prism.files),
    "csv": Adapter(mapping.read, mapping.files),
}
"""The kinds of data that can be imported, by the name under which the command line knows them."""
