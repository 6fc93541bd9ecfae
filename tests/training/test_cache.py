from __future__ import annotations

from pathlib import Path

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
