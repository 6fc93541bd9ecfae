"""`pluralign prefer` ends bad input with exit code 2 and a sentence that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest
from tests.preferences.test_stage import FILE, NOBODY, ratings


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    made = StudyFolder(tmp_path)
    made.study_file.write_text(FILE, encoding="utf-8")
    ratings().save(made.data, Manifest(what="test"))
    return made


def outcome(folder: StudyFolder, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run_command_line(pluralign, ["prefer", "--study", str(folder.root), *arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NOBODY, "Experiment scale, condition five: No rater satisfies"),
        (FILE.replace("scale: 5}", "scale: 5, min_raters: 99}", 1), "fewer than the 99 that `min_raters` asks for"),
        (FILE.replace("scale: 5}", "scale: 5, whose: land == 'x'}", 1), 'names "land"; allowed: group'),
        (FILE.replace("ties: drop", "ties: dorp"), 'is "dorp"; did you mean "drop"?'),
        (FILE.replace("helpfulness: 1.0", "help: 1.0"), 'objective.help is "help"'),
        (FILE[: FILE.index("experiments:")], "lists no experiments"),
        (FILE[:300], "study.yaml, line"),
    ],
)
def test_a_wrong_study_file_ends_with_two(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    folder.study_file.write_text(text, encoding="utf-8")
    code, err = outcome(folder, capsys)
    assert code == 2
    assert told in err
    assert "Traceback" not in err


def test_an_unknown_experiment_and_absent_ratings_end_with_two(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    code, err = outcome(folder, capsys, "--experiment", "scael")
    assert (code, "allowed: disagreement, scale" in err) == (2, True)
    (folder.data / "ratings.parquet").unlink()
    code, err = outcome(folder, capsys)
    assert (code, "there are no ratings yet" in err) == (2, True)


def test_a_half_written_table_ends_with_two(folder: StudyFolder, capsys: pytest.CaptureFixture[str]) -> None:
    table = folder.data / "items.parquet"
    table.write_bytes(table.read_bytes()[:-50])
    code, err = outcome(folder, capsys)
    assert code == 2
    assert "items.parquet" in err
    assert not folder.preferences.exists()
