from __future__ import annotations

import json
from pathlib import Path

import pytest

from pluralign.errors import SchemaError
from pluralign.feedback import ADAPTERS

HEAD = "case_id,group,party,religiosity,rating_set,position,strategy,response_index,response_rating,strategy_rating\n"
SCENARIO = {
    "case_id": "c1",
    "prompt": "May I?",
    "responses": {"gpt": {"refusal": ["No.", "Never."], "specific": ["Yes."]}, "llama": {}},
}
ROWS = ["c1,dem-rel,Democrat,religious,s1,0,refusal,1,2,3", "c1,dem-rel,Democrat,religious,s1,1,specific,0,5,4"]


def folder(root: Path, rows: list[str], scenario: object = SCENARIO) -> Path:
    (root / "dev_ratings.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows))
    (root / "dev_scenarios.jsonl").write_text(json.dumps(scenario) + "\n")
    return root


def test_ratings_get_the_texts_that_were_shown(tmp_path: Path) -> None:
    feedback, dropped = ADAPTERS["spica"](folder(tmp_path, ROWS))
    assert dropped == {}
    assert feedback.items.set_index("item")["text_en"].to_dict() == {"c1-refusal-1": "Never.", "c1-specific-0": "Yes."}
    assert feedback.prompts["text_en"].tolist() == ["May I?"]
    ratings = feedback.ratings.set_index(["item", "dimension"])
    assert ratings["value"].to_dict() == {
        ("c1-refusal-1", "response_appropriateness"): 2,
        ("c1-refusal-1", "strategy_appropriateness"): 3,
        ("c1-specific-0", "response_appropriateness"): 5,
        ("c1-specific-0", "strategy_appropriateness"): 4,
    }
    assert ratings["position"].tolist() == [1, 1, 2, 2]
    assert feedback.items["context"].tolist() == ["refusal", "specific"]


def test_a_rating_without_a_text_is_refused_or_left_out(tmp_path: Path) -> None:
    rows = [*ROWS, "c2,dem-rel,Democrat,religious,s2,0,refusal,0,2,3"]
    with pytest.raises(
        SchemaError, match=r"line 4: dev_scenarios.jsonl has no response 0 of the strategy refusal to .* c2"
    ):
        ADAPTERS["spica"](folder(tmp_path, rows))
    feedback, dropped = ADAPTERS["spica"](folder(tmp_path, rows), drop_invalid=True)
    assert dropped == {"without a text": 1}
    assert len(feedback.ratings) == 4


@pytest.mark.parametrize("responses", [[], {"gpt": ["a"]}, {"gpt": {"refusal": 3}}, {"llama": {}}])
def test_scenarios_in_another_form_are_named(responses: object, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"line 1: responses.gpt does not map strategies to lists of texts"):
        ADAPTERS["spica"](folder(tmp_path, ROWS, SCENARIO | {"responses": responses}))


def test_the_real_folder_gives_the_published_counts(shared_data: Path) -> None:
    feedback, dropped = ADAPTERS["spica"](shared_data / "spica")
    assert dropped == {}
    assert len(feedback.ratings) == 12_000
    assert (len(feedback.prompts), len(feedback.raters)) == (150, 1200)
    assert feedback.raters.groupby(["party", "religiosity"]).size().tolist() == [300] * 4
    assert feedback.items["text_en"].notna().all()
