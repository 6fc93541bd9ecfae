"""A stage killed in the middle is finished by the same command, with the results of an undisturbed run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.e2e.conftest import call, call_and_kill


def copied(root: Path, to: Path, without: tuple[str, ...]) -> Path:
    shutil.copytree(root, to, ignore=lambda folder, _: without if Path(folder) == root else ())
    return to


def test_killed_training_is_finished_with_equal_weights(finished: Path, tmp_path: Path) -> None:
    root = copied(finished, tmp_path / "killed", without=("runs", "evaluation"))
    run = root / "runs/disagreement/preserve/seed-1"
    call_and_kill(["train", "--study", str(root)], lambda: any(run.rglob("optimizer.pt")))
    assert not (run / "done.json").exists()
    assert call("train", "--study", root) == 0
    for adapter in sorted((finished / "runs").rglob("adapter_model.safetensors")):
        expected = load_file(adapter)
        got = load_file(root / adapter.relative_to(finished))
        assert expected.keys() == got.keys()
        for name, tensor in expected.items():
            assert (tensor == got[name]).all(), f"{adapter.parent}: {name}"


def test_killed_evaluation_is_finished_with_equal_judgements(finished: Path, tmp_path: Path) -> None:
    root = copied(finished, tmp_path / "killed", without=("evaluation",))
    tuned = root / "evaluation/disagreement/preserve/seed-1"
    call_and_kill(["evaluate", "--study", str(root)], lambda: tuned.is_dir() and any(tuned.iterdir()))
    assert not (root / "evaluation/differences.csv").exists()
    assert call("evaluate", "--study", root) == 0
    for table in ("differences.csv", "contrasts.csv", "agreement.csv"):
        assert (root / "evaluation" / table).read_bytes() == (finished / "evaluation" / table).read_bytes(), table
    for items in sorted((finished / "evaluation").rglob("items.parquet")):
        assert (root / items.relative_to(finished)).read_bytes() == items.read_bytes(), str(items)


def test_training_refuses_to_go_on_when_the_ratings_have_changed(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = copied(finished, tmp_path / "changed", without=("evaluation",))
    (root / "data/ratings.parquet").unlink()
    (root / "data/raters.parquet").unlink()
    assert call("simulate", "--raters", 200, "--seed", 7, "--study", root) == 0
    assert call("prefer", "--study", root) == 0
    capsys.readouterr()
    assert call("train", "--study", root) == 2
    assert "pairs" in capsys.readouterr().err
    assert call("train", "--study", root, "--restart") == 0
