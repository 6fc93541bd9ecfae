"""Every number of the report is traced to a cell, and from there to the ratings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from pluralign.cli import pluralign
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file
from pluralign.report import write_report
from pluralign.report.lineage import lineage
from pluralign.report.sources import gather
from pluralign.report.trace import matching, trace
from pluralign.study import Study
from tests.report.studies import evaluated, noted, preferred, study_folder

Finished = tuple[StudyFolder, Study]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder, study = study_folder(tmp_path_factory.mktemp("studies") / "traced")
    noted(folder, study, "analyze")
    preferred(folder, study)
    evaluated(folder, study)
    return folder, study


@pytest.fixture(scope="module")
def traced(finished: Finished) -> pd.DataFrame:
    return trace(gather(*finished, None))


def test_no_number_of_the_report_is_of_unknown_origin(traced: pd.DataFrame) -> None:
    unknown = traced.loc[traced["how"] == "unknown", ["section", "printed", "value"]]
    assert unknown.empty, unknown.to_string()
    assert len(traced) > 300
    assert {"groups", "people", "models", "policies", "disagreement", "limits"} <= set(traced["section"])


def test_a_number_is_found_as_it_is_printed_in_the_cell_that_holds_it(finished: Finished, traced: pd.DataFrame) -> None:
    folder, _ = finished
    table = pd.read_csv(folder.evaluation / "differences.csv")
    row = table.query("condition == 'preserve' and dimension == 'helpfulness'").iloc[0]
    found = matching(traced, f"{row['difference']:.2f}")
    (place,) = found.loc[(found["column"] == "difference") & (found["section"] == "models"), "row"].unique()
    assert "condition preserve, dimension helpfulness" in place
    assert set(found.loc[found["column"] == "difference", "file"]) == {"evaluation/differences.csv"}
    assert matching(traced, "77.77").empty


def test_a_decrease_that_is_printed_without_its_sign_is_found(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished[0].root, tmp_path / "study")
    folder = StudyFolder(tmp_path / "study")
    tables = {path: pd.read_csv(path) for path in folder.analysis.glob("*.csv") if "percent" in path.read_text()}
    for path, table in tables.items():
        falling = table.assign(**{name: -table[name].abs() for name in ("percent",) if name in table})
        falling.to_csv(path, index=False)
    found = trace(gather(folder, finished[1], None))
    brief = found[(found["section"] == "brief") & (found["column"] == "percent")]
    assert brief["how"].tolist() == ["size"]
    assert (brief["value"] > 0).all()


def test_another_value_in_a_table_is_another_origin(finished: Finished, tmp_path: Path) -> None:
    folder, study = finished
    shutil.copytree(folder.root, tmp_path / "copy")
    copy = StudyFolder(tmp_path / "copy")
    table = pd.read_csv(copy.evaluation / "differences.csv")
    table.loc[0, "difference"] = 3.14159
    table.to_csv(copy.evaluation / "differences.csv", index=False)
    found = matching(trace(gather(copy, study, None)), "3.14")
    assert set(found["file"]) == {"evaluation/differences.csv"}
    assert (found["value"] == 3.14159).all()


def test_a_table_leads_back_to_the_ratings_and_a_change_on_the_way_is_said(finished: Finished, tmp_path: Path) -> None:
    folder, _ = finished
    links = {link.name: link for link in lineage(folder, "analysis/coefficients.csv")}
    assert links["analysis/coefficients.csv"].state == links["data/ratings.parquet"].state == "unchanged"
    assert links["data/ratings.parquet"].digest == digest_file(folder.data / "ratings.parquet")
    assert links["data/ratings.parquet"].manifest is not None
    assert links["data/ratings.parquet"].manifest.seed == 1
    shutil.copytree(folder.root, tmp_path / "copy")
    copy = StudyFolder(tmp_path / "copy")
    table = copy.analysis / "coefficients.csv"
    table.write_text(table.read_text().replace("0", "1"))
    assert lineage(copy, "analysis/coefficients.csv")[0].state == "changed"
    feedback = Feedback.load(copy.data)
    raters = feedback.raters.assign(weight=2.0)
    Feedback.of(feedback.prompts, feedback.items, raters, feedback.ratings, 5).save(copy.data, Manifest(what="other"))
    states = {link.name: link.state for link in lineage(copy, "preferences/disagreement/preserve/pairs.parquet")}
    assert states["data/raters.parquet"] == "changed"
    assert states["data/ratings.parquet"] == "unchanged"


def test_the_command_lists_all_numbers_or_follows_one(finished: Finished) -> None:
    folder, _ = finished
    run = CliRunner().invoke(pluralign, ["report", "--study", str(folder.root), "--trace"])
    assert "; 0 are unknown." in run.output
    listed = pd.read_csv(folder.report / "trace.csv")
    one = listed.loc[listed["column"] == "difference", "printed"].iloc[0]
    run = CliRunner().invoke(pluralign, ["report", "--study", str(folder.root), "--trace", str(one)])
    assert "in evaluation/differences.csv: experiment disagreement" in run.output
    run = CliRunner().invoke(pluralign, ["report", "--study", str(folder.root), "--trace", "77.77"])
    assert "prints no number 77.77. Give it as it is printed" in str(run.exception)


def test_what_people_said_of_the_models_is_in_the_report_and_traced(finished: Finished, tmp_path: Path) -> None:
    folder, study = finished
    assert 'id="rounds"' not in write_report(folder, study).read_text(encoding="utf-8")
    shutil.copytree(folder.root, tmp_path / "copy")
    copy = StudyFolder(tmp_path / "copy")
    line: dict[str, object] = {
        "round": "round-1",
        "experiment": "disagreement",
        "condition": "majority",
        "dimension": "helpfulness",
    }
    line |= {"tuned_mean": 3.4567, "base_mean": 3.1, "difference": 0.3567, "low": 0.1234, "high": 0.6123}
    line |= {"n_raters": 41, "n_ratings": 517, "interval": "…", "judge_difference": 0.2987}
    (copy.evaluation / "rounds" / "round-1").mkdir(parents=True)
    pd.DataFrame([line]).to_csv(copy.evaluation / "rounds" / "round-1" / "differences.csv", index=False)
    page = write_report(copy, study, "de").read_text(encoding="utf-8")
    assert "Was Personen zu den Modellen sagen" in page
    assert "+0,30" in page
    found = trace(gather(copy, study, None)).query("section == 'rounds'")
    assert set(found["printed"]) == {"3.10", "3.46", "0.36", "0.12", "0.61", "0.30", "41", "517"}
    assert (found["file"] == "evaluation/rounds/round-1/differences.csv").all()
