from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pluralign.errors import PluralignError
from pluralign.feedback.sets import recover, replace_set


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def write_new(folder: Path) -> None:
    (folder / "ratings.parquet").write_text("new")


def test_a_set_replaces_the_tables_and_leaves_other_files(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("ratings.parquet", "raters.parquet", "truth.json", "notes.txt"):
        (data / name).write_text("old")
    replace_set(data, write_new)
    assert content(data) == {"ratings.parquet": "new", "notes.txt": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interruption_while_writing_leaves_what_stood_there(tmp_path: Path, error: type[BaseException]) -> None:
    data = tmp_path / "data"
    replace_set(data, write_new)

    def interrupted(folder: Path) -> None:
        (folder / "ratings.parquet").write_text("half")
        raise error

    with pytest.raises(error):
        replace_set(data, interrupted)
    assert content(data) == {"ratings.parquet": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_interruption_between_the_renames_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "ratings.parquet").write_text("old")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == ".data.new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_set(data, write_new)
    assert content(data) == {"ratings.parquet": "old"}


def test_what_a_killed_process_left_is_put_back_or_finished(tmp_path: Path) -> None:
    data, old = tmp_path / "data", tmp_path / ".data.old"
    replace_set(data, write_new)
    shutil.move(data, old)
    recover(data)
    assert content(data) == {"ratings.parquet": "new"}

    shutil.copytree(data, old)
    (old / "notes.txt").write_text("mine")
    (old / "truth.json").write_text("stale")
    recover(data)
    assert content(data) == {"ratings.parquet": "new", "notes.txt": "mine"}
    assert not old.exists()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PluralignError, match="could not be written"):
        replace_set(tmp_path / "file" / "data", write_new)
