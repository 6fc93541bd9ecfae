from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pluralign.cli import pluralign
from pluralign.cli.exchange import KINDS
from pluralign.cli.failures import run_command_line
from pluralign.feedback import ADAPTERS, Feedback
from pluralign.manifests import digest_file, read_manifest

DATA = """who,gender,country,item,text,toxic,aware
a,f,us,1,Hello.,1,5
a,f,us,2,Go away.,5,1
b,m,de,1,Hello.,2,4
b,m,de,2,Go away.,4,9
"""
MAPPING = """file: data.csv
points: 5
rater: who
item: item
response: {en: text}
dimensions: {toxicity: toxic, emotional_awareness: aware}
demographics: {country: country}
"""


def call(*arguments: object) -> int:
    return run_command_line(pluralign, [str(argument) for argument in arguments])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text(DATA)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    assert call("init", tmp_path / "study", "--template", "minimal") == 0
    return tmp_path / "study"


def test_every_adapter_is_offered_and_no_other() -> None:
    assert tuple(ADAPTERS) == KINDS


def test_wrong_rows_end_the_import_before_anything_is_written(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("import", "csv", root.parent / "mapping.yaml", "--study", root) == 2
    error = capsys.readouterr().err
    assert "line 5: the rating on emotional_awareness is '9'; allowed are 1 to 5" in error
    assert not (root / "data" / "ratings.parquet").exists()


def test_what_is_imported_is_saved_with_its_origin(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("import", "csv", root.parent / "mapping.yaml", "--drop-invalid", "--study", root) == 0
    assert "7 ratings of 2 items by 2 raters" in capsys.readouterr().out
    assert len(Feedback.load(root / "data").ratings) == 7
    manifest = read_manifest(root / "data" / "ratings.parquet")
    assert manifest.dropped == {"outside the scale": 1}
    assert (manifest.rows_in, manifest.rows_out) == (8, 7)
    assert manifest.inputs["data.csv"] == digest_file(root.parent / "data.csv")
    assert str(root) not in str(manifest)


def test_ratings_are_not_imported_over_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("import", "csv", root.parent / "mapping.yaml", "--drop-invalid", "--study", root)
    assert call(*arguments) == 0
    assert call(*arguments) == 2
    assert "already holds ratings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("points: 5", "points: 7\nvalues: {'1': 1, '5': 5, '2': 2, '4': 4, '9': 7}", "scale of 7 points and the study"),
        ("emotional_awareness: aware", "awareness: aware", "have no emotional_awareness, named under dimensions"),
        ("{en: text}", "{fr: text}", "have no en, named under languages in study.yaml; they have: fr"),
        ("{country: country}", "{gender: gender}", "have no country, named under analysis.formula"),
    ],
)
def test_ratings_that_do_not_fit_the_study_are_refused(
    old: str, new: str, message: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = root.parent / "mapping.yaml"
    mapping.write_text(MAPPING.replace(old, new))
    assert call("import", "csv", mapping, "--drop-invalid", "--study", root) == 2
    assert message in capsys.readouterr().err
    assert not (root / "data" / "ratings.parquet").exists()


@pytest.fixture
def with_pairs(root: Path) -> Path:
    """A study with ratings that leave pairs of three responses to one prompt."""
    rows = [
        f"r{rater},us,May I?,{text},{toxic},{aware}"
        for rater in range(12)
        for text, toxic, aware in (("Hello.", 1, 5), ("Go away.", 5, 1), ("Hm.", 3, 3))
    ]
    (root.parent / "data.csv").write_text("who,country,ask,text,toxic,aware\n" + "\n".join(rows) + "\n")
    mapping = MAPPING.replace("item: item\n", "prompt: {text: {en: ask}}\n")
    (root.parent / "mapping.yaml").write_text(mapping)
    assert call("import", "csv", root.parent / "mapping.yaml", "--held-out", "0", "--study", root) == 0
    return root


def test_pairs_are_exported_once_they_are_made(with_pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = with_pairs.parent / "pairs.jsonl"
    arguments = ["export", "preferences", target, "--experiment", "disagreement", "--condition", "preserve"]
    arguments += ["--format", "jsonl", "--study", with_pairs]
    assert call(*arguments) == 2
    assert "Make them with `pluralign prefer`" in capsys.readouterr().err
    assert call("prefer", "--study", with_pairs) == 0
    capsys.readouterr()
    assert call(*arguments) == 0
    rows = pd.read_json(target, lines=True)
    assert f"{len(rows)} rows are in {target}" in capsys.readouterr().out
    assert {"prompt", "chosen", "rejected", "p", "weight"} <= set(rows.columns)
    assert rows["prompt"].map(lambda messages: messages[0]["content"]).eq("May I?").all()


def test_an_unknown_condition_names_those_there_are(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("export", "preferences", root / "x", "--experiment", "disagreement", "--condition", "best")
    assert call(*arguments, "--study", root) == 2
    assert 'no condition "best"; allowed: preserve, majority' in capsys.readouterr().err


def test_points_of_a_fine_scale_are_merged_if_asked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root.parent / "data.csv").write_text("who,country,item,text,toxic,aware\na,us,1,Hi.,1,20\na,us,2,Ho.,21,100\n")
    mapping = root.parent / "mapping.yaml"
    mapping.write_text(MAPPING.replace("points: 5", "points: 100"))
    arguments = ("import", "csv", mapping, "--study", root)
    assert call(*arguments, "--points", 3) == 2
    assert "cannot be reduced symmetrically to 3; allowed: 2, 4, 5, 10" in capsys.readouterr().err
    assert call(*arguments, "--points", 5) == 0
    feedback = Feedback.load(root / "data")
    assert feedback.ratings.sort_values(["item", "dimension"])["value"].tolist() == [1, 1, 5, 2]
    assert read_manifest(root / "data" / "ratings.parquet").config["points_in_data"] == 100
