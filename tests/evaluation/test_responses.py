"""Responses: what is asked, common random numbers, adapters, settings that change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pluralign.errors import DataError, ModelError
from pluralign.evaluation.models import EvaluatedModel, adapter_digest
from pluralign.evaluation.responses import earlier, held_out_prompts, respond
from pluralign.progress import SILENT
from pluralign.study import Study
from tests.evaluation.examples import corpus, write_run
from tests.study.small import small


def study(**evaluation: object) -> Study:
    settings = small().evaluation.model_copy(update={"samples": 3, "max_new_tokens": 5, **evaluation})
    return small().model_copy(update={"evaluation": settings})


def base(tiny: Path, seed: int = 1) -> EvaluatedModel:
    return EvaluatedModel(
        place=f"base/seed-{seed}", experiment="", condition="base", seed=seed, name=str(tiny), language="en"
    )


PROMPTS = held_out_prompts(corpus()[0], "en")


def test_only_held_out_prompts_with_a_text_are_asked() -> None:
    prompts, _ = corpus()
    assert PROMPTS["prompt"].tolist() == ["p00", "p03", "p06", "p09"]
    prompts.loc[prompts["prompt"] == "p03", "text_en"] = None
    assert held_out_prompts(prompts, "en")["prompt"].tolist() == ["p00", "p06", "p09"]
    with pytest.raises(DataError, match="in de"):
        held_out_prompts(prompts, "de")


def test_each_prompt_has_its_samples_and_they_differ(tiny: Path, tmp_path: Path) -> None:
    items = respond(base(tiny), PROMPTS, study(), tmp_path, SILENT)
    assert items["prompt"].tolist() == [prompt for prompt in PROMPTS["prompt"] for _ in range(3)]
    assert items["item"].iloc[1] == "base/seed-1/p00/2"
    assert items["text_en"].nunique() > 10
    assert set(items["origin_en"]) == {"generated"}
    assert [json.loads(text)["sample"] for text in items["generation"]] == [1, 2, 3] * 4
    assert all(json.loads(text)["tokens"] <= 5 for text in items["generation"])
    assert not (tmp_path / "parts").exists()


def test_an_adapter_without_effect_gives_the_base_models_responses_with_the_same_seed(
    tiny: Path, tmp_path: Path
) -> None:
    write_run(tmp_path / "run", tiny, "none", strength=0.0)
    tuned = replace(base(tiny), place="e/c/seed-1", experiment="e", condition="c", adapter=tmp_path / "run/adapter")
    expected = respond(base(tiny), PROMPTS, study(), tmp_path / "base", SILENT)["text_en"]
    assert respond(tuned, PROMPTS, study(), tmp_path / "tuned", SILENT)["text_en"].tolist() == expected.tolist()
    other_seed = respond(base(tiny, seed=2), PROMPTS, study(), tmp_path / "other", SILENT)["text_en"]
    assert other_seed.tolist() != expected.tolist()


def test_an_adapter_changes_the_responses(tiny: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "run", tiny, "strong")
    tuned = replace(base(tiny), place="e/c/seed-1", adapter=tmp_path / "run/adapter")
    expected = respond(base(tiny), PROMPTS, study(), tmp_path / "base", SILENT)["text_en"]
    assert respond(tuned, PROMPTS, study(), tmp_path / "tuned", SILENT)["text_en"].tolist() != expected.tolist()


@pytest.mark.parametrize(
    "changed", [{"samples": 2}, {"max_new_tokens": 4}, {"temperature": 0.5}, {"top_p": 0.5}, {"seed": 3}]
)
def test_responses_under_other_settings_are_not_used(tiny: Path, tmp_path: Path, changed: dict[str, object]) -> None:
    respond(base(tiny), PROMPTS, study(), tmp_path, SILENT)
    assert earlier(base(tiny), PROMPTS, study(), tmp_path) is not None
    assert earlier(base(tiny), PROMPTS, study(**changed), tmp_path) is None


def test_responses_to_other_prompts_are_not_used(tiny: Path, tmp_path: Path) -> None:
    respond(base(tiny), PROMPTS, study(), tmp_path, SILENT)
    assert earlier(base(tiny), PROMPTS.assign(text="Why?"), study(), tmp_path) is None


def test_a_broken_adapter_is_an_error_that_says_what_to_do(tiny: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "run", tiny, "broken")
    (tmp_path / "run/adapter/adapter_config.json").write_text("{}")
    tuned = replace(base(tiny), adapter=tmp_path / "run/adapter")
    with pytest.raises(ModelError, match="--restart"):
        respond(tuned, PROMPTS, study(), tmp_path / "tuned", SILENT)


def test_an_adapters_digest_does_not_depend_on_where_its_base_model_lies(tiny: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "run", tiny, "x")
    settings = tmp_path / "run/adapter/adapter_config.json"
    before = adapter_digest(tmp_path / "run/adapter")
    content = json.loads(settings.read_text())
    settings.write_text(json.dumps({**content, "base_model_name_or_path": "/elsewhere"}))
    assert adapter_digest(tmp_path / "run/adapter") == before
    settings.write_text(json.dumps({**content, "lora_alpha": 99}))
    assert adapter_digest(tmp_path / "run/adapter") != before
