"""The example studies describe the data they are meant for, and their pages state the right sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.corpus.demo import load_demo
from pluralign.feedback import ADAPTERS, simulate
from pluralign.feedback.fitting import refuse_misfit
from pluralign.study import load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    ("kind", "example", "place"),
    [("popquorn", "popquorn", "popquorn/offensiveness.csv.gz"), ("spica", "four-experiments/spica", "spica")],
)
def test_an_example_study_fits_its_data(kind: str, example: str, place: str, shared_data: Path) -> None:
    study = load(EXAMPLES / example / "study.yaml")
    feedback, dropped = ADAPTERS[kind](shared_data / place)
    assert dropped == {}
    refuse_misfit(feedback, study)
    for demographic in study.demographics:
        assert set(feedback.raters[demographic.key]) <= {*demographic.codes, "undeclared"}, demographic.key
    assert set(feedback.items["context"].dropna()) == set(study.context_keys)
    page = (EXAMPLES / example / "README.md").read_text(encoding="utf-8")
    size = f"{len(feedback.ratings):,} ratings of {len(feedback.items):,} items by {len(feedback.raters):,} raters"
    assert size in page


def test_the_four_experiments_have_what_their_page_says_is_planted() -> None:
    study = load(EXAMPLES / "four-experiments" / "simulated" / "study.yaml")
    feedback, truth = simulate(study, *load_demo(), seed=0)
    weights = truth.weights("emotional_awareness", feedback.raters)
    assert {answer: set(weights[feedback.raters["reads_for"] == answer]) for answer in ("warmth", "facts")} == {
        "warmth": {3.0},
        "facts": {0.0},
    }
    values = feedback.ratings.loc[feedback.ratings["dimension"] == "emotional_awareness", "value"]
    assert (values >= 3).mean() > 0.99
    assert [experiment.key for experiment in study.experiments] == [
        "whose",
        "placebo",
        "scale",
        "disagreement",
        "optimiser",
    ]
