"""A release on disk: a study folder that other stages read, with codebook and data card."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.errors import ConfigError
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import read_manifest
from pluralign.study import Study, load
from pluralign.survey import instrument
from pluralign.survey.database import Database
from pluralign.survey.release.card import card
from pluralign.survey.release.codebook import meanings
from pluralign.survey.release.making import Release, Wishes, make
from pluralign.survey.release.restated import restate
from pluralign.survey.release.writing import as_zip, write
from tests.survey.small import small_study

Tables = tuple[pd.DataFrame, pd.DataFrame]


def call(*arguments: object) -> int:
    return run_command_line(pluralign, [str(argument) for argument in arguments])


@pytest.fixture
def made(database: Database, tables: Tables, ids: list[str]) -> Release:
    assert ids
    with database.read() as connection:
        return make(connection, *tables, Wishes(licence="CC-BY-4.0"))


@pytest.fixture
def written(made: Release, tmp_path: Path) -> Path:
    write(made, tmp_path / "release")
    return tmp_path / "release"


def test_a_release_is_a_study_folder_that_is_analysed(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("analyze", "--study", written) == 0, capsys.readouterr().err
    assert (written / "analysis" / "coefficients.csv").is_file()


def test_what_is_written_is_read_again(written: Path, made: Release) -> None:
    feedback = Feedback.load(written / "data")
    assert len(feedback.ratings) == len(made.feedback.ratings)
    assert load(written / "study.yaml") == made.study
    assert pd.read_csv(written / "csv" / "ratings.csv")["value"].tolist() == feedback.ratings["value"].tolist()


def test_the_manifest_names_the_instrument(written: Path, study: Study) -> None:
    config = read_manifest(written / "data" / "ratings.parquet").config
    assert config["instrument"] == {"1": instrument.digest(study)}
    assert config["level"] == "public"


def test_every_code_and_column_is_in_the_codebook(written: Path, study: Study, made: Release) -> None:
    book = pd.read_csv(written / "codebook.csv", keep_default_na=False, dtype=str)
    known = set(zip(book["table"], book["variable"], strict=True))
    for name in ("prompts", "items", "raters", "ratings"):
        for column in getattr(made.feedback, name).columns:
            assert (name, column) in known or column.startswith("origin_"), f"{name}.{column}"
    codes = book[(book["table"] == "raters") & (book["variable"] == "gender")]
    assert codes["code"].tolist() == ["", "she", "he", "undeclared"]
    assert codes["text_de"].tolist()[:3] == ["Du bist", "sie", "er"]
    for language in study.languages:
        page = (written / f"codebook-{language}.md").read_text(encoding="utf-8")
        for dimension in study.dimensions:
            assert dimension.statement[language] in page
            assert dimension.definition[language] in page
    assert (written / "first_answers.csv").is_file()


def test_the_german_codebook_is_german_throughout(written: Path) -> None:
    assert meanings("de").keys() == meanings("en").keys()
    columns = {name for name in meanings("en") if "." in name}
    assert all(meanings("de")[name] != meanings("en")[name] for name in columns)
    page = (written / "codebook-de.md").read_text(encoding="utf-8")
    assert "| flags | again | kam mit mehr als einer Einreichung" in page
    assert "eine gute Antwort wird niedrig bewertet" in page
    english = [meanings("en")[name] for name in ("definition", "unfinished", "raters.rater", "ratings.value", "asked")]
    assert not [text for text in english if f"| {text} |" in page]


def test_the_data_card_says_what_was_done(written: Path) -> None:
    text = (written / "data-card.md").read_text(encoding="utf-8")
    assert "66 ratings of 12 responses by 11 people" in text
    assert "Licence: CC-BY-4.0." in text
    assert "people who did not finish, 1." in text
    assert "shared by at least 5 people" in text
    assert "2026-03-01 to 2026-03-01" in text


def test_the_data_card_says_who_could_take_part(made: Release, tmp_path: Path) -> None:
    assert "Who could take part" not in card(made)
    recruitment = {"platform": "open", "target": 100, "eligible": "age != 'young'"}
    limited = replace(made, study=small_study(tmp_path, recruitment=recruitment))
    assert "Who could take part, by this version of the study file: `age != 'young'`." in card(limited)


def test_a_folder_with_something_in_it_is_left_alone(written: Path, made: Release, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ConfigError, match="is there already"):
        write(made, written)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_fails_halfway_leaves_nothing(made: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pluralign.survey.release.writing.card", full)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(OSError, match="No space"):
        write(made, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_zip_holds_the_same_files(made: Release, written: Path) -> None:
    with zipfile.ZipFile(BytesIO(as_zip(made, "small"))) as archive:
        names = {name.removeprefix("small/") for name in archive.namelist()}
        content = archive.read("small/study.yaml")
    assert names == {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert content == (written / "study.yaml").read_bytes()


def test_the_command_writes_a_release(
    database_url: str, folder: StudyFolder, ids: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ids
    arguments = ("export", "ratings", tmp_path / "out", "--study", folder.root, "--database", database_url)
    assert call(*arguments, "--known", "gender", "--known", "age") == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert "66 ratings by 11 people" in printed
    assert "Left out: people who did not finish, 1." in printed
    manifest = read_manifest(tmp_path / "out" / "data" / "raters.parquet")
    assert manifest.config["known"] == ["gender", "age"]
    assert call(*arguments) == 2
    assert "is there already" in capsys.readouterr().err


def test_the_command_says_when_there_is_no_survey(folder: StudyFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("export", "ratings", folder.root / "out", "--study", folder.root) == 2
    assert "there is no survey yet" in capsys.readouterr().err
    assert not (folder.root / "survey.db").exists()


def test_a_coarsened_study_knows_its_merged_answers(tmp_path: Path) -> None:
    options = [{"code": code, "label": {"en": code, "de": f"{code}-de"}} for code in ("left", "green", "right")]
    view = {
        "key": "view",
        "question": {"en": "View", "de": "Haltung"},
        "reference": "left",
        "options": options,
        "merges": {"progressive": ["left", "green"]},
    }
    study = small_study(
        tmp_path, demographics=[view], analysis={"formula": "rating ~ view + (1 | rater)", "merges": ["view"]}
    )
    coarse = restate(study, ["view"]).demographic("view")
    assert coarse.codes == ("left", "green", "right", "progressive")
    assert coarse.merged["progressive"] == "progressive"
    assert coarse.reference == "progressive"
    assert coarse.options[-1].label == {"en": "left / green", "de": "left-de / green-de"}
    assert restate(study, []).demographic("view").codes == ("left", "green", "right")
    # The file says the same.
    text = yaml.safe_dump(restate(study, ["view"]).model_dump(mode="json", exclude_none=True), allow_unicode=True)
    (tmp_path / "again.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "again.yaml") == restate(study, ["view"])
