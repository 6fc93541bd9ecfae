"""The example studies describe the data they are meant for, and their pages state the right sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.feedback import ADAPTERS
from pluralign.feedback.fitting import refuse_misfit
from pluralign.study import load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(("kind", "place"), [("popquorn", "popquorn/offensiveness.csv.gz"), ("spica", "spica")])
def test_an_example_study_fits_its_data(kind: str, place: str, shared_data: Path) -> None:
    study = load(EXAMPLES / kind / "study.yaml")
    feedback, dropped = ADAPTERS[kind](shared_data / place)
    assert dropped == {}
    refuse_misfit(feedback, study)
    for demographic in study.demographics:
        assert set(feedback.raters[demographic.key]) <= {*demographic.codes, "undeclared"}, demographic.key
    assert set(feedback.items["context"].dropna()) == set(study.context_keys)
    page = (EXAMPLES / kind / "README.md").read_text(encoding="utf-8")
    size = f"{len(feedback.ratings)} ratings of {len(feedback.items)} items by {len(feedback.raters)} raters"
    assert size in page
