"""What a study answers when it is asked for its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from pluralign.errors import ConfigError
from pluralign.study import Study, Training, TrainingChanges, parse
from pluralign.study.base import Model
from tests.study.small import SMALL, small


def test_parts_are_found_by_key() -> None:
    study = small()
    assert study.points == 3
    assert study.dimension_keys == ("toxicity", "helpfulness")
    assert study.demographic_keys == ("country", "party")
    assert study.context_keys == ("none",)
    assert study.dimension("helpfulness").desirable == "high"
    assert study.demographic("party").codes == ("red", "blue")
    assert study.context("none").instruction is None
    assert study.experiment("scale").condition("two").neutral == "drop"


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("dimension", 'The study has no dimension "x"; allowed: toxicity, helpfulness.'),
        ("demographic", 'The study has no demographic "x"; allowed: country, party.'),
        ("context", 'The study has no context "x"; allowed: none.'),
        ("experiment", 'The study has no experiment "x"; allowed: scale.'),
    ],
)
def test_an_unknown_key_lists_the_known_ones(method: str, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        getattr(small(), method)("x")


def test_an_unknown_condition_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="allowed: three, two, majority"):
        small().experiment("scale").condition("four")


def test_an_experiment_changes_only_the_training_that_it_names() -> None:
    study = small()
    changed = study.training_for("scale")
    assert changed == study.training_for(study.experiment("scale"))
    assert changed == study.training.model_copy(update={"steps": 7})
    without = parse(SMALL.replace("    training: {steps: 7}\n", ""))
    assert without.training_for("scale") == without.training


def test_everything_of_training_can_be_changed_by_an_experiment() -> None:
    assert TrainingChanges.model_fields.keys() == Training.model_fields.keys()
    values = {"model": "a", "language": "de", "method": "dpo", "steps": 3, "batch_size": 3, "learning_rate": 3.0}
    values |= {"dpo_beta": 3.0, "lora_rank": 3, "max_length": 3, "seeds": (3,), "precision": "float32"}
    values |= {"dpo_loss": "robust", "label_smoothing": 0.3, "warm_up_steps": 3}
    values |= {"kl_beta": 0.3, "responses_per_prompt": 2, "response_tokens": 3, "reward_scaling": "none"}
    changes = TrainingChanges.model_validate(values)
    study = small()
    experiment = study.experiment("scale").model_copy(update={"training": changes})
    # No method reads all of it, which a study file would be told.
    assert study.training_for(experiment).model_dump() == values


def test_training_is_in_the_first_language_unless_said_otherwise() -> None:
    german_first = SMALL.replace("languages: [en, de]", "languages: [de, en]")
    assert parse(german_first).training.language == "de"
    assert parse(german_first + "training: {steps: 3}\n").training == Training(language="de", steps=3)
    assert parse(german_first + "training: {language: en}\n").training.language == "en"


def test_merging_keeps_the_order_of_the_options_and_moves_the_reference() -> None:
    text = SMALL.replace("all: [us, de]", "west: [de, us]").replace(
        "- {code: us,", "- {code: at, label: {en: Austria, de: Österreich}}\n      - {code: us,"
    )
    country = parse(text).demographic("country")
    assert country.merged == {"at": "at", "us": "west", "de": "west"}
    assert country.merged_codes == ("at", "west")
    assert country.merged_reference == "west"


def test_a_study_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        small().name = "other"


def test_a_study_survives_being_written_as_json() -> None:
    study = small()
    assert Study.model_validate_json(study.model_dump_json()) == study


def models(model: type[BaseModel] = Model) -> Iterator[type[BaseModel]]:
    for inner in model.__subclasses__():
        if inner.__module__.startswith("pluralign.study."):
            yield inner
            yield from models(inner)


MODELS = {model.__name__: model for model in sorted(models(), key=lambda model: model.__name__)}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_model_and_every_field_is_documented(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name}"
        assert field.description.endswith("."), f"{model.__name__}.{name}"
