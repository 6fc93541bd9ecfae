from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.folder import StudyFolder
from pluralign.training.cache import Cache


def test_what_several_processes_keep_is_put_together_and_leaves_nothing_else(tmp_path: Path) -> None:
    first: Cache[int] = Cache(StudyFolder(tmp_path), "numbers", {"of": "tests"})
    second: Cache[int] = Cache(StudyFolder(tmp_path), "numbers", {"of": "tests"})
    first["a"], second["b"] = 1, 2
    first.keep()
    second.keep()
    assert (second["a"], second["b"]) == (1, 2)
    third: Cache[int] = Cache(StudyFolder(tmp_path), "numbers", {"of": "tests"})
    assert "a" in third
    assert "b" in third
    assert "a" not in Cache[int](StudyFolder(tmp_path), "numbers", {"of": "others"})
    assert len(list((tmp_path / "runs/.cache").iterdir())) == 1


def test_what_another_process_has_kept_since_is_found(tmp_path: Path) -> None:
    first, second = (Cache[int](StudyFolder(tmp_path), "numbers", {"model": "m"}) for _ in range(2))
    first["one"] = 1
    first.keep()
    assert second["one"] == 1
    second["two"] = 2
    second.keep()
    assert first["two"] == 2
    with pytest.raises(KeyError):
        first["three"]
