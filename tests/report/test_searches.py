"""What was tried before models were tuned stands in the report."""

from __future__ import annotations

import pandas as pd
import pytest

from pluralign.folder import StudyFolder
from pluralign.report.page import render
from pluralign.report.sources import gather
from pluralign.report.trace import trace
from pluralign.storage import write_csv
from pluralign.study import Study, load
from tests.report.studies import evaluated, preferred, study_folder

SEARCH = "    search: {settings: [{learning_rate: 0.001}, {learning_rate: 0.01}], seeds: [9]}\n"


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyFolder, Study]:
    folder, _ = study_folder(tmp_path_factory.mktemp("tried"))
    text = folder.study_file.read_text(encoding="utf-8")
    folder.study_file.write_text(text.replace("training: {language: en", SEARCH + "training: {language: en"))
    study = load(folder.study_file)
    preferred(folder, study)
    evaluated(folder, study)
    rows = [
        {
            "experiment": "disagreement",
            "condition": condition,
            "number": number,
            "score": score,
            "score_se": 0.125,
            "divergence": 0.0625,
            "tokens": 20.5,
            "state": state,
            "learning_rate": rate,
            "dpo_beta": 0.1,
            "kl_beta": None,
            "warm_up_steps": 0,
            "at_edge": state == "chosen",
            "prompts": 6,
            "samples": 4,
            "seeds": 1,
        }
        for condition in ("preserve", "majority")
        for number, score, state, rate in ((1, 0.375, "tried", 0.001), (2, 0.875, "chosen", 0.01))
    ]
    write_csv(pd.DataFrame(rows), folder.runs / "disagreement" / "search.csv")
    return folder, study


def test_settings_scores_and_choices_are_shown_with_the_doubt_about_the_edge(tried: tuple[StudyFolder, Study]) -> None:
    page = render(gather(*tried, "en"))
    assert "An equal budget: 2 settings were tried for every condition" in page
    assert "a better one may lie beyond: preserve, majority." in page
    assert "+0.88" in page
    assert "every condition of disagreement had the same number of settings tried" in page
    assert "Gleicher Aufwand" in render(gather(*tried, "de"))
    assert "dpo_beta" not in page.split("Settings that were tried first")[1].split("</details>")[0]


def test_each_of_its_numbers_is_traced_to_the_table(tried: tuple[StudyFolder, Study]) -> None:
    found = trace(gather(*tried, "en")).query("section == 'models'")
    assert not (found["how"] == "unknown").any()
    assert (found["file"] == "runs/disagreement/search.csv").sum() >= 16
