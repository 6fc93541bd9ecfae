"""A file is there as a whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pluralign.errors import PluralignError
from pluralign.storage import atomic_path, atomic_write, write_json


def test_an_interrupted_write_leaves_what_stood_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    atomic_write(path, "before")

    def interrupted() -> None:
        with atomic_path(path) as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_sentence_and_leaves_what_stood_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    atomic_write(path, "before")

    def full() -> None:
        with atomic_path(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(PluralignError, match=r"could not be written \(No space left on device\). Make room"):
        full()
    assert path.read_text() == "before"


def test_equal_values_give_equal_json(tmp_path: Path) -> None:
    write_json({"b": 1, "a": "ä"}, tmp_path / "one.json")
    write_json({"a": "ä", "b": 1}, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
