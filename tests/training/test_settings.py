"""Every setting of training changes the model or what is logged of it, and is part of the run's manifest."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.numpy import load_file

from pluralign.errors import MismatchError
from pluralign.feedback import Feedback
from pluralign.language_models import fast_dtype
from pluralign.manifests import Manifest, read_manifest, write_manifest
from pluralign.records import PAIRS, write
from pluralign.study import Study, Training, TrainingChanges
from pluralign.study.training import READ_BY, ConditionTraining
from pluralign.training import settings as made_settings
from pluralign.training import train
from pluralign.training.changes import refuse_changed
from pluralign.training.grid import grid
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.rows import tokenise
from pluralign.training.schedule import planned_runs
from pluralign.training.tuning import run as tuning
from tests.tiny_models import tiny_model
from tests.training.examples import PAIRS_A, TEMPLATE, pairs_frame
from tests.training.test_methods import FIVE, MANY, with_ratings
from tests.training.test_stage import equal

ARMS: dict[str, dict[str, Any]] = {
    "dpo": {},
    "robust": {"dpo_loss": "robust"},
    "kto": {"method": "kto"},
    "grpo": {"method": "grpo", "response_tokens": 4},
    "rloo": {"method": "rloo", "response_tokens": 4},
}
"""Ways of training that settings are changed in."""

OTHER: dict[str, Any] = {
    "model": "another",
    "language": "de",
    "method": "sft",
    "steps": 4,
    "batch_size": 3,
    "learning_rate": 0.02,
    "dpo_loss": "ipo",
    "label_smoothing": 0.3,
    "dpo_beta": 0.5,
    "warm_up_steps": 1,
    "kl_beta": 0.9,
    "responses_per_prompt": 2,
    "response_tokens": 5,
    "reward_scaling": "none",
    "lora_rank": 2,
    "max_length": 150,
    "precision": "float32" if fast_dtype("cpu") == "bfloat16" else "bfloat16",
    "seeds": [2],
}
"""For each setting another value than the study's; the fixture knows better ones for `model` and `max_length`."""


def settings_tried(arm: str) -> list[str]:
    """Those that all methods read are tried with DPO; with KTO and GRPO all that they read beside them. RLOO is given
    its settings by the lines that give them to GRPO, but for the divergence, which enters its rewards.
    """
    if arm in ("robust", "rloo"):
        return ["label_smoothing" if arm == "robust" else "kl_beta"]
    own = [name for name, methods in READ_BY.items() if arm in methods and name != "label_smoothing"]
    return own if arm != "dpo" else [*own, *(name for name in OTHER if name not in READ_BY)]


TRIED = [(arm, name) for arm in ARMS for name in settings_tried(arm)]
ONCE = {name: arm for arm, name in reversed(TRIED)}
SAID = {"model": "base model", "precision": "dtype"}
"""What a message calls a setting where it has another name."""


def study(model: Path, experiments: Mapping[str, dict[str, Any]]) -> Study:
    """A study of five points in two languages, with an experiment of one condition for each mapping of settings."""
    content = yaml.safe_load(TEMPLATE.format(model=model).replace("scale: {labels: [{en: no}, {en: yes}]}", FIVE))
    content = _also_in_german(content)
    content |= {"languages": ["en", "de"]}
    content["training"] |= {"steps": 3, "max_length": 160}
    content["experiments"] = [
        {
            "key": name,
            "objective": {"kindness": 1.0},
            "training": training,
            "conditions": [{"key": "a", "policy": "preserve", "scale": 5}],
        }
        for name, training in experiments.items()
    ]
    return Study.model_validate(content)


def _also_in_german(part: Any) -> Any:
    if isinstance(part, dict):
        if part.keys() == {"en"}:
            return {"en": part["en"], "de": part["en"]}
        return {key: _also_in_german(value) for key, value in part.items()}
    return [_also_in_german(one) for one in part] if isinstance(part, list) else part


class Trained:
    """A folder in which every arm was trained as it is, and with each of its settings changed."""

    def __init__(self, root: Path, model: Path) -> None:
        self.model = model
        self.folder = with_ratings(root / "study", MANY)
        self._add_german()
        self.other = {**OTHER, "model": str(tiny_model(root / "other", seed=1)), "max_length": self._longest_row() - 1}
        experiments = {arm: dict(training) for arm, training in ARMS.items()}
        experiments |= {_name(arm, name): {**ARMS[arm], name: self.other[name]} for arm, name in TRIED}
        for experiment in experiments:
            self._write_pairs(experiment)
        train(self.folder, study(model, experiments))

    def _write_pairs(self, experiment: str) -> None:
        write(pairs_frame(PAIRS_A), self.folder.pairs(experiment, "a"), PAIRS, Manifest(what="pairs"))

    def _longest_row(self) -> int:
        self._write_pairs("dpo")
        (plan,) = self.planned({"dpo": {}})
        return max(row.length for row in tokenise(plan.table, plan.pairs, Materials(self.folder).tokeniser(plan)))

    def _add_german(self) -> None:
        found = Feedback.load(self.folder.data)
        items = found.items.assign(text_de="Das ist " + found.items["text_en"])
        prompts = found.prompts.assign(text_de=found.prompts["text_en"])
        Feedback.of(prompts, items, found.raters, found.ratings, 5).save(self.folder.data, Manifest(what="test"))

    def planned(self, experiments: Mapping[str, dict[str, Any]]) -> list[PlannedRun]:
        return planned_runs(self.folder, study(self.model, experiments))[0]

    def run(self, arm: str, changed: str = "") -> Path:
        return self.folder.run(_name(arm, changed), "a", 2 if changed == "seeds" else 1)


def _name(arm: str, changed: str) -> str:
    return f"{arm}-{changed}".replace("_", "-") if changed else arm


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Trained]:
    with pytest.MonkeyPatch.context() as patched:
        # What takes long and is not asked about here.
        patched.setattr(tuning, "divergence", lambda *_: {"per_token": 0.0})
        patched.setattr(made_settings, "interval", lambda steps: steps)
        gc.freeze()
        yield Trained(tmp_path_factory.mktemp("settings"), tiny)
        gc.unfreeze()


def weights(run: Path) -> dict[str, Any]:
    return load_file(run / "adapter/adapter_model.safetensors")


def test_every_setting_is_tried_with_the_methods_that_read_it() -> None:
    assert OTHER.keys() == Training.model_fields.keys()
    assert {name for _, name in TRIED} == OTHER.keys()
    assert {method for methods in READ_BY.values() for method in methods} == ARMS.keys() - {"robust"}


@pytest.mark.parametrize(("arm", "name"), TRIED)
def test_a_setting_changes_the_model(trained: Trained, arm: str, name: str) -> None:
    assert not equal(weights(trained.run(arm)), weights(trained.run(arm, name)))


@pytest.mark.parametrize(("arm", "name"), [(arm, name) for name, arm in ONCE.items() if name != "seeds"])
def test_a_run_that_was_begun_is_refused_under_another_setting(trained: Trained, arm: str, name: str) -> None:
    (now,) = trained.planned({arm: {**ARMS[arm], name: trained.other[name]}})
    assert now.folder == trained.run(arm)
    assert now.finished
    # A finished model is no other for being trained on another machine; one that is to be gone on with would be.
    begun = replace(now, folder=trained.folder.root / "begun" / arm)
    begun.folder.mkdir(parents=True, exist_ok=True)
    write_manifest(begun.folder, read_manifest(now.folder))
    with pytest.raises(MismatchError, match=f"different: .*{SAID.get(name, name)} "):
        refuse_changed([begun if name == "precision" else now])


def test_another_seed_is_another_run(trained: Trained) -> None:
    (now,) = trained.planned({"dpo": {"seeds": [3]}})
    assert (now.key.seed, now.manifest.seed, now.finished) == (3, 3, False)
    assert now.folder == trained.folder.run("dpo", "a", 3)


@pytest.mark.parametrize("name", OTHER)
def test_a_setting_is_read_wherever_it_may_be_stated(tiny: Path, name: str) -> None:
    """What is trained follows from the settings that the grid gives a run, which do not say where they were stated."""
    plain = study(tiny, {"trial": {}})
    (experiment,) = plain.experiments
    (condition,) = experiment.conditions
    stated = Training.model_validate({"language": "en", name: OTHER[name]})
    value = getattr(stated, name)
    for_all = plain.model_copy(update={"training": plain.training.model_copy(update={name: value})})
    changes = TrainingChanges.model_validate({name: OTHER[name]})
    for_one = plain.model_copy(update={"experiments": (experiment.model_copy(update={"training": changes}),)})
    expected = grid(for_all)
    assert expected != grid(plain)
    assert grid(for_one) == expected
    if name in ConditionTraining.model_fields:
        own = condition.model_copy(update={"training": ConditionTraining.model_validate({name: OTHER[name]})})
        here = plain.model_copy(update={"experiments": (experiment.model_copy(update={"conditions": (own,)}),)})
        assert grid(here) == expected
    else:
        assert name in ("model", "language", "steps", "batch_size", "lora_rank", "max_length", "precision", "seeds")


def test_experiments_may_change_every_setting_and_conditions_what_belongs_to_the_optimiser() -> None:
    assert TrainingChanges.model_fields.keys() == Training.model_fields.keys()
    assert ConditionTraining.model_fields.keys() == {"method", "learning_rate", *READ_BY}
