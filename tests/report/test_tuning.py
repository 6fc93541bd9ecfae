"""What the models read, and how far they moved, stands in the report."""

from __future__ import annotations

import pandas as pd
import pytest

from pluralign.folder import StudyFolder
from pluralign.report.page import render
from pluralign.report.sources import gather
from pluralign.report.trace import trace
from pluralign.storage import write_csv
from pluralign.study import Study
from tests.report.studies import evaluated, preferred, study_folder


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyFolder, Study]:
    folder, study = study_folder(tmp_path_factory.mktemp("tuned"))
    preferred(folder, study)
    evaluated(folder, study)
    table(folder, preserve=41_237, majority=41_911)
    return folder, study


def table(folder: StudyFolder, **tokens: float | None) -> None:
    rows = [
        {
            "experiment": "disagreement",
            "condition": condition,
            "seed": seed,
            "method": "dpo",
            "state": "finished",
            "learning_rate": 0.0007,
            "rows_seen": 58,
            "too_long": 0,
            "steps": 20,
            "tokens": read,
            "first_loss": 0.6875,
            "last_loss": 0.4375,
            "divergence": 0.0625,
        }
        for condition, read in tokens.items()
        for seed in (1, 2)
    ]
    rows.append({**rows[0], "seed": 3, "state": "failed", "tokens": 9})
    write_csv(pd.DataFrame(rows), folder.runs / "disagreement" / "models.csv")


def test_a_row_for_each_finished_model(tuned: tuple[StudyFolder, Study]) -> None:
    page = render(gather(*tuned, "en"))
    shown = page.split("How the models were tuned")[1].split("</details>")[0]
    assert shown.count("0.0007") == 4
    assert "41,237" in shown
    assert "0.688" in shown
    assert "did not read equally much" not in page
    assert "Wie die Modelle angepasst wurden" in render(gather(*tuned, "de"))


def test_conditions_that_read_more_than_others_are_named(tuned: tuple[StudyFolder, Study]) -> None:
    folder, study = tuned
    table(folder, preserve=41_237, majority=47_911)
    page = render(gather(folder, study, "en"))
    assert "from 41,237 tokens (preserve) to 47,911 (majority)" in page
    found = trace(gather(folder, study, "en")).query("section in ('models', 'limits')")
    assert not (found["how"] == "unknown").any()
    assert (found["file"] == "runs/disagreement/models.csv").sum() >= 16
    # Runs of earlier versions do not say how much they read.
    table(folder, preserve=None, majority=47_911)
    assert "did not read equally much" not in render(gather(folder, study, "en"))
