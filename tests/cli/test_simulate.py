from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.feedback import Feedback, Truth
from pluralign.manifests import digest_file, read_manifest


def call(*arguments: object) -> int:
    return run_command_line(pluralign, [str(argument) for argument in arguments])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert call("init", tmp_path / "study", "--template", "gender-values") == 0
    assert call("corpus", "import", "demo", "--study", tmp_path / "study") == 0
    return tmp_path / "study"


def test_ratings_and_what_was_planted_are_saved_together(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: digest_file(root / "data" / f"{name}.parquet") for name in ("prompts", "items")}
    assert call("simulate", "--raters", 30, "--seed", 4, "--study", root) == 0
    assert "30 simulated raters gave 750 ratings" in capsys.readouterr().out
    feedback, truth = Feedback.load(root / "data"), Truth.load(root / "data")
    assert (len(feedback.raters), truth.raters, truth.seed) == (30, 30, 4)
    manifest = read_manifest(root / "data" / "ratings.parquet")
    assert manifest.inputs == before
    assert before == {name: digest_file(root / "data" / f"{name}.parquet") for name in before}


def test_simulating_again_replaces_the_ratings_and_keeps_the_corpus(root: Path) -> None:
    origin = read_manifest(root / "data" / "items.parquet").what
    for seed in (1, 2):
        assert call("simulate", "--raters", 30, "--seed", seed, "--study", root) == 0
        manifest = read_manifest(root / "data" / "ratings.parquet")
        assert (manifest.seed, manifest.config["corpus"]) == (seed, origin)


def test_the_same_seed_gives_the_same_bytes(root: Path) -> None:
    digests = set()
    for _ in range(2):
        assert call("simulate", "--raters", 30, "--study", root) == 0
        digests.add(tuple(digest_file(path) for path in sorted((root / "data").iterdir())))
    assert len(digests) == 1


def test_without_responses_nobody_can_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("init", tmp_path / "study", "--template", "gender-values") == 0
    assert call("simulate", "--study", tmp_path / "study") == 2
    assert "prompts.parquet: there is no such file" in capsys.readouterr().err


def test_a_damaged_corpus_is_not_rated(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = root / "data" / "items.parquet"
    items.write_bytes(items.read_bytes()[:1000])
    assert call("simulate", "--study", root) == 2
    assert "changed or damaged" in capsys.readouterr().err
    assert not (root / "data" / "ratings.parquet").exists()


def test_a_corpus_in_another_language_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = pd.read_parquet(root / "data" / "items.parquet")
    assert {"text_en", "text_de"} <= set(items.columns)
    study = root / "study.yaml"
    text = study.read_text(encoding="utf-8")
    study.write_text(text.replace("languages: [en, de]", "languages: [en, de, fr]"), encoding="utf-8")
    assert call("simulate", "--study", root) == 2
    assert 'has no text in "fr"' in capsys.readouterr().err
