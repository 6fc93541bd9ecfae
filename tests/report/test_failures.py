from __future__ import annotations

from pathlib import Path

from pluralign.report import write_report
from pluralign.storage import write_json
from tests.report.studies import study_folder
from tests.report.test_page import text_of


def test_runs_that_failed_are_named_with_the_reason_until_they_are_done(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    runs = [folder.run("disagreement", "majority", seed) for seed in (1, 2)]
    for run in runs:
        write_json(
            {"run": "", "kind": "ConvergenceError", "reason": f"{folder.runs}: the loss is <b>."}, run / "failed.json"
        )
    page = write_report(folder, study).read_text(encoding="utf-8")
    told = "Not tuned: disagreement/majority/seed-1, disagreement/majority/seed-2. runs: the loss is <b>."
    assert told in text_of(page)
    assert "the loss is <b>" not in page
    (runs[0] / "failed.json").write_text("{")
    write_json({"adapter": ""}, runs[1] / "done.json")
    assert "Not tuned: " not in text_of(write_report(folder, study).read_text(encoding="utf-8"))
