from __future__ import annotations

import json
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from pluralign.errors import ConfigError, MismatchError, SchemaError
from pluralign.feedback import Truth, simulate
from tests.feedback.simulated import corpus, gender_values


@pytest.fixture(scope="module")
def truth() -> Truth:
    return simulate(gender_values(), *corpus(), seed=0, raters=100)[1]


def test_what_is_saved_is_loaded(truth: Truth, tmp_path: Path) -> None:
    truth.save(tmp_path)
    assert Truth.load(tmp_path) == truth


def test_effects_are_those_of_the_study_file(truth: Truth) -> None:
    assert truth.effects["toxicity"] == {"gender": {"he": -0.197}}
    assert truth.effects["emotional_awareness"]["ethnicity"] == {"black": 0.362}


def test_an_answer_with_a_taste_of_its_own_has_no_single_effect(truth: Truth) -> None:
    assert truth.level_effects() == truth.effects
    with_tastes = replace(truth, tastes={"toxicity": {"gender": {"they": -1.0}, "age": {"31-40": 0.0}}})
    assert with_tastes.level_effects()["toxicity"]["gender"] == {"he": -0.197, "they": pytest.approx(nan, nan_ok=True)}
    assert "31-40" not in with_tastes.level_effects()["toxicity"].get("age", {})


def test_standing_is_zero_on_average_and_grows_with_what_is_rated(truth: Truth) -> None:
    items = corpus()[1]
    for language in ("en", "de"):
        standings = [truth.standing(text, "toxicity", language) for text in items[f"text_{language}"]]
        assert sum(standings) / len(standings) == pytest.approx(0.0, abs=1e-9)
        assert sum(standing**2 for standing in standings) / len(standings) == pytest.approx(1.0)
    warm = truth.standing("I understand how sad you feel.", "emotional_awareness", "en")
    assert warm > truth.standing("The rent is due.", "emotional_awareness", "en")


def test_texts_that_are_all_equally_good_have_no_effect() -> None:
    prompts, items = corpus(prompts=10)
    truth = simulate(gender_values(), prompts, items.assign(text_en="Yes."), seed=0, raters=20)[1]
    assert truth.standing("I understand how sad you feel.", "emotional_awareness", "en") == 0.0


@pytest.mark.parametrize(("dimension", "language"), [("humour", "en"), ("toxicity", "fr")])
def test_what_was_not_simulated_is_an_error(truth: Truth, dimension: str, language: str) -> None:
    with pytest.raises(ConfigError, match=rf"for {dimension} in {language}; there are: .*toxicity \(en, de\)"):
        truth.standing("Yes.", dimension, language)


def test_a_truth_of_another_definition_of_quality_is_refused(truth: Truth, tmp_path: Path) -> None:
    truth.save(tmp_path)
    file = tmp_path / Truth.FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quality_definition": "other"}))
    with pytest.raises(MismatchError, match="another definition of quality"):
        Truth.load(tmp_path).standing("Yes.", "toxicity", "en")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; only simulated"),
        ("{", "not readable JSON"),
        ("[]", "does not hold what was planted"),
        ('{"seed": 1}', "does not hold what was planted"),
    ],
)
def test_an_unusable_file_is_named(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / Truth.FILE).write_text(content)
    with pytest.raises(SchemaError, match=message):
        Truth.load(tmp_path)
