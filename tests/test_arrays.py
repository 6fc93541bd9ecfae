"""Arrays on disk: whole or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pluralign.arrays import read_arrays, write_arrays


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "new" / "some.npz"
    write_arrays(file, names=["a", "b"], **{"a/b": np.arange(3)}, one=2.5)
    found = read_arrays(file)
    assert found is not None
    assert found["names"].tolist() == ["a", "b"]
    assert found["a/b"].tolist() == [0, 1, 2]
    assert float(found["one"]) == 2.5
    assert [path.name for path in file.parent.iterdir()] == ["some.npz"]


@pytest.mark.parametrize("kept", [0, 3, 10, 200, -40, -1])
def test_a_damaged_file_counts_as_absent(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "some.npz"
    write_arrays(file, values=np.arange(100))
    file.write_bytes(file.read_bytes()[:kept])
    assert read_arrays(file) is None


def test_a_changed_byte_and_a_file_of_something_else_count_as_absent(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    assert read_arrays(file) is None
    write_arrays(file, values=np.arange(100))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert read_arrays(file) is None
    np.save(tmp_path / "one.npy", np.arange(3))
    assert read_arrays(tmp_path / "one.npy") is None
    np.savez(file, values=np.array([{"a": 1}], dtype=object))
    assert read_arrays(file) is None
    file.unlink()
    file.mkdir()
    assert read_arrays(file) is None
