"""What the page says of ratios, claims, regrouped raters, who is served, the frontier, several judges and holes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pluralign.report import write_report
from pluralign.report.page import render
from pluralign.report.sources import gather
from pluralign.storage import write_csv
from pluralign.study.evaluation import JudgeSettings
from tests.report.studies import evaluated, study_folder
from tests.report.test_page import outline, text_of


def changed(root: Path, **tables: pd.DataFrame) -> str:
    """The page of an evaluated study with some of its tables exchanged; a line's missing columns stay as they were."""
    folder, study = study_folder(root)
    evaluated(folder, study)
    for name, table in tables.items():
        path = folder.evaluation / f"{name}.csv"
        path.with_suffix(".manifest.json").unlink(missing_ok=True)
        write_csv(table, path)
    page = write_report(folder, study).read_text(encoding="utf-8")
    assert outline(page).open == []
    return text_of(page)


def contrasts(root: Path, **values: Any) -> pd.DataFrame:
    folder, study = study_folder(root)
    evaluated(folder, study)
    return pd.read_csv(folder.evaluation / "contrasts.csv").assign(**values)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (
            {"ratio_status": "given", "ratio_percent": 53.2, "ratio_percent_low": 10, "ratio_percent_high": 120},
            "+53% (+10% … +120%)",
        ),
        (
            {"ratio_status": "the change under the second condition is not shown to differ from zero"},
            "the second is not shown to move",
        ),
    ],
)
def test_a_ratio_has_its_interval_or_the_reason_why_there_is_none(
    values: dict[str, object], shown: str, tmp_path: Path
) -> None:
    assert shown in changed(tmp_path / "b", contrasts=contrasts(tmp_path / "a", **values))


def test_what_is_not_claimed_is_not_told_as_found(tmp_path: Path) -> None:
    text = changed(tmp_path / "b", contrasts=contrasts(tmp_path / "a", claimed=False))
    assert "which is not claimed" in text


def test_published_figures_stand_in_a_column_of_their_own(tmp_path: Path) -> None:
    text = changed(tmp_path)
    assert re.search(r"preserve − majority, Toxicity [^(]+\([^)]+\) .{0,60}about 53% more reduction", text)
    assert "about 53% more reduction" not in text.split("Beside the follow-up study")[0]


def test_holes_are_told_with_their_reasons(tmp_path: Path) -> None:
    lines = [
        {"what": "judge", "name": "big", "why": "no connection."},
        {"what": "prompts", "name": "xstest", "why": "lacks the column prompt"},
        {"what": "group", "name": "country: other", "why": "4 raters taught the judge"},
    ]
    text = changed(tmp_path, holes=pd.DataFrame(lines))
    assert "The judge big is missing: no connection." in text
    assert "The prompts xstest were not asked: lacks the column prompt." in text
    assert "No numbers for the group country: other: 4 raters taught the judge." in text


def test_who_is_served_and_every_judges_agreement_by_group(tmp_path: Path) -> None:
    about = {"experiment": "disagreement", "condition": "preserve", "dimension": "helpfulness", "desirable": "high"}
    about |= {"demographic": "gender"}
    spread = {**about, "worst_label": "he", "worst": 2.5, "worst_low": 2.25, "worst_high": 2.75, "best_label": "she"}
    spread |= {"spread": 0.5, "spread_low": 0.3, "spread_high": 0.7, "base_spread": 0.4, "spread_change": 0.1}
    spread |= {"spread_change_low": 0.05, "spread_change_high": 0.15}
    served = {**about, "group_label": "he", "raters": 30, "base": 2.4, "tuned": 2.5, "low": 2.25, "high": 2.75}
    served |= {"difference": 0.1, "difference_low": 0.05, "difference_high": 0.15, "worst": True}
    group = {"judge": "toy", "dimension": "toxicity", "demographic": "gender", "group_label": "he", "raters": 30}
    group |= {"texts": 40, "ratings": 90, "spearman": 0.37, "spearman_low": 0.1, "spearman_high": 0.6}
    group |= {"spearman_ceiling": 0.8, "alpha": 0.29, "alpha_low": 0.05, "alpha_high": 0.5, "verdict": "fair"}
    text = changed(
        tmp_path,
        served=pd.DataFrame([served]),
        spread=pd.DataFrame([spread]),
        agreement_groups=pd.DataFrame([group]),
    )
    assert "he/him 2.50 2.25 … 2.75 she/her 0.50 0.30 … 0.70 +0.10 +0.05 … +0.15" in text
    assert "he/him 30 2.40 2.50 2.25 … 2.75 +0.10" in text
    assert "toy: Toxicity" in text
    assert "he/him 30 40 0.37 0.10 … 0.60 0.80 0.29 0.05 … 0.50 fair" in text


def test_regrouped_raters_and_why_they_were_not_regrouped(tmp_path: Path) -> None:
    keys = {"experiment": "disagreement", "condition": "preserve", "against": "majority", "placebo": False}
    tested = {**keys, "status": "tested", "raters": 40, "raters_against": 30, "pairs": 25, "distance": 0.2}
    tested |= {"expected": 0.1, "p": 0.005}
    shared = {**keys, "status": "some raters are in both groups"}
    text = changed(tmp_path, permutation=pd.DataFrame([tested, shared]))
    assert "preserve / majority 40 / 30 25 0.200 0.100 0.005" in text
    assert "preserve / majority: some raters are in both groups" in text


def test_the_frontier_is_drawn_and_told(tmp_path: Path) -> None:
    line = {"experiment": "disagreement", "condition": "preserve", "safety": "toxicity", "safety_gain": 0.25}
    line |= {"safety_low": 0.1, "safety_high": 0.4, "inclusion": "helpfulness", "inclusion_gain": -0.5}
    line |= {"inclusion_low": -0.6, "inclusion_high": -0.4, "undominated": True}
    text = changed(tmp_path, frontier=pd.DataFrame([line]))
    assert "preserve +0.25 +0.10 … +0.40 −0.50 −0.60 … −0.40 yes" in text


def test_the_methods_describe_the_judge_that_leads(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    evaluated(folder, study)
    other = JudgeSettings(key="big", kind="served", model="big", address="http://localhost:1/v1")
    judged = study.evaluation.model_copy(update={"judges": (other,)})
    learnt, asked = "ordinal model on text embeddings", "The leading judge has not learnt from the study's ratings"
    for settings, said, unsaid in ((study.evaluation, learnt, asked), (judged, asked, learnt)):
        page = render(gather(folder, study.model_copy(update={"evaluation": settings}), "en"))
        assert said in page.replace("&#39;", "'").replace("’", "'")
        assert unsaid not in page.replace("&#39;", "'").replace("’", "'")
