"""Which models there are to evaluate: the base models, and the tuned ones whose training is finished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pluralign.errors import DataError, MismatchError, SchemaError
from pluralign.folder import StudyFolder
from pluralign.language_models import model_digest, resolve
from pluralign.manifests import differing, digest_file, digest_of, read_manifest
from pluralign.study import Experiment, Study, Training
from pluralign.study.training import changed, stated

BASE = "base"
_WEIGHTS = "adapter_model.safetensors"
_SETTINGS = "adapter_config.json"
_FAILED = "training failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """A model that is asked for responses.

    ``place`` is its folder below ``evaluation/``; ``experiment`` is empty for the base model that experiments share and
    ``condition`` is ``base`` for any base model; ``adapter`` is the folder of a tuned model's adapter. With one
    ``seed``, base and tuned models are sampled with common random numbers.
    """

    place: str
    experiment: str
    condition: str
    seed: int
    name: str
    language: str
    adapter: Path | None = None

    @property
    def label(self) -> str:
        """How the model is called in messages."""
        return self.place.replace("/", ", ").replace("seed-", "seed ")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A tuned model and the base model with the same seed; their places below ``evaluation/``."""

    tuned: EvaluatedModel
    base: EvaluatedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentRun:
    """A run of the study that cannot be evaluated, and why."""

    experiment: str
    condition: str
    seed: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Comparisons that can be made, in the study's order, and runs that are absent."""

    comparisons: tuple[Comparison, ...]
    absent: tuple[AbsentRun, ...]

    @property
    def models(self) -> tuple[EvaluatedModel, ...]:
        """Every model once; a base model comes before the first tuned model that needs it."""
        ordered = (model for pair in self.comparisons for model in (pair.base, pair.tuned))
        return tuple(dict.fromkeys(ordered))


def plan(folder: StudyFolder, study: Study, only: Sequence[str] | None) -> Plan:
    """What can be evaluated of the experiments named in ``only`` (None for all).

    Raises DataError where not one run is finished, MismatchError where a run was tuned from another base model, on
    other pairs or under other settings than there are now: its results would be called by the wrong name.
    """
    keys = None if only is None else {study.experiment(key).key for key in only}
    experiments = [experiment for experiment in study.experiments if keys is None or experiment.key in keys]
    comparisons, absent = [], []
    for experiment, condition, seed in _runs(study, experiments):
        why = _why_absent(folder.run(experiment.key, condition, seed))
        if why:
            absent.append(AbsentRun(experiment=experiment.key, condition=condition, seed=seed, why=why))
            continue
        _refuse_other_inputs(folder, study, experiment, condition, seed)
        comparisons.append(_comparison(folder, study, experiment, condition, seed))
    if not comparisons:
        failed = sum(run.why == _FAILED for run in absent)
        named = f"; {len(absent)} planned, {failed} failed" if absent else ""
        raise DataError(
            f"{folder.runs}: no model has finished training{named}. Run `pluralign train` first; it says what fails."
        )
    return Plan(tuple(comparisons), tuple(absent))


def adapter_digest(adapter: Path) -> str:
    """SHA-256 over an adapter's weights and settings, the path of the base model left out."""
    return digest_of({"weights": digest_file(adapter / _WEIGHTS), "settings": _settings_of(adapter)})


def _settings_of(adapter: Path) -> dict[str, Any]:
    """Raises OSError, ValueError or TypeError where they cannot be read."""
    settings = dict(json.loads((adapter / _SETTINGS).read_text(encoding="utf-8")))
    settings.pop("base_model_name_or_path", None)
    return settings


def _runs(study: Study, experiments: Sequence[Experiment]) -> Iterator[tuple[Experiment, str, int]]:
    for experiment in experiments:
        for condition in experiment.conditions:
            for seed in study.training_for(experiment).seeds:
                yield experiment, condition.key, seed


def _comparison(folder: StudyFolder, study: Study, experiment: Experiment, condition: str, seed: int) -> Comparison:
    training = study.training_for(experiment)
    # Experiments that tune another model, or in another language, have a base model of their own.
    shared = (training.model, training.language) == (study.training.model, study.training.language)
    base = EvaluatedModel(
        place=f"{BASE}/seed-{seed}" if shared else f"{BASE}/{experiment.key}/seed-{seed}",
        experiment="" if shared else experiment.key,
        condition=BASE,
        seed=seed,
        name=training.model,
        language=training.language,
    )
    tuned = EvaluatedModel(
        place=f"{experiment.key}/{condition}/seed-{seed}",
        experiment=experiment.key,
        condition=condition,
        seed=seed,
        name=training.model,
        language=training.language,
        adapter=folder.run(experiment.key, condition, seed) / "adapter",
    )
    return Comparison(tuned, base)


def _why_absent(run: Path) -> str:
    """Why a run cannot be evaluated; empty where it can."""
    if not run.is_dir():
        return "not trained"
    try:
        done = json.loads((run / "done.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _FAILED if (run / "failed.json").is_file() else "training not finished"
    weights = run / "adapter" / _WEIGHTS
    if not (weights.is_file() and (run / "adapter" / _SETTINGS).is_file()):
        return "adapter missing"
    try:
        _settings_of(run / "adapter")
    except (OSError, ValueError, TypeError):
        return "adapter changed after training"
    stated = done.get("adapter") if isinstance(done, dict) else None
    if stated is not None and stated != digest_file(weights):
        return "adapter changed after training"
    return ""


def _refuse_other_inputs(folder: StudyFolder, study: Study, experiment: Experiment, condition: str, seed: int) -> None:
    run = folder.run(experiment.key, condition, seed)
    try:
        manifest = read_manifest(run)
    except SchemaError:
        # A run that was brought from elsewhere says nothing about its origin, which cannot then be wrong.
        return
    pairs = folder.pairs(experiment.key, condition)
    now = {"base model": model_digest(resolve(study.training_for(experiment).model))}
    if pairs.is_file():
        now["pairs"] = digest_file(pairs)
    inputs = manifest.inputs
    different = [name for name, digest in now.items() if name in inputs and inputs[name] != digest]
    different += _other_settings(manifest.config.get("settings"), study, experiment, condition)
    if different:
        raise MismatchError(
            f"{run}: this model was tuned with other things than the study has now; different: {', '.join(different)}. "
            "Tune it again with `pluralign train --restart`, or restore what it was tuned with."
        )


def _other_settings(made: object, study: Study, experiment: Experiment, condition: str) -> list[str]:
    """How the settings of a model differ from the study's; where settings are tried, from those of the nearest."""
    if not isinstance(made, Mapping):
        return []
    training = changed(study.training_for(experiment), experiment.condition(condition).training)
    tried = experiment.search.settings if experiment.search is not None else (None,)
    # What no study file states has not been changed by one.
    made = {name: value for name, value in made.items() if name in Training.model_fields}
    return min((differing(made, stated(changed(training, settings))) for settings in tried), key=len)
