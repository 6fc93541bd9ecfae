"""The reward model of a condition: made from its ratings once, kept in its folder with its quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralign.arrays import read_arrays, write_arrays
from pluralign.errors import DataError, SchemaError
from pluralign.feedback import Feedback, split_raters
from pluralign.manifests import Manifest, read_manifest, write_manifest
from pluralign.preferences.selection import group_numbers
from pluralign.progress import Progress
from pluralign.storage import write_csv
from pluralign.study import UNDECLARED
from pluralign.training.learning_data import ratings_for_reward
from pluralign.training.rated import tuning_ratings
from pluralign.training.rewards.fit import Head
from pluralign.training.rewards.models import RewardModel, learn, rating_table
from pluralign.training.rewards.quality import quality

if TYPE_CHECKING:
    from pluralign.folder import StudyFolder
    from pluralign.study import Condition, Experiment, Study
    from pluralign.training.materials import Materials
    from pluralign.training.plans import PlannedRun

_HEAD = ("thresholds", "weights", "group_weights", "group_shifts")


def reward_of(
    run: PlannedRun, folder: StudyFolder, study: Study, materials: Materials, progress: Progress
) -> RewardModel:
    """The reward model of the run's condition, read from ``reward/`` beside its seeds or made and written there.

    It learns from the tuning raters whom the condition asks for, on train prompts, without those that are set aside
    where settings are tried; ``quality.csv`` says how good it is for the other raters, those of the judge, on held-out
    prompts. Raises DataError where it gives all responses the same reward.
    """

    def ratings(feedback: Feedback) -> Feedback:
        return ratings_for_reward(_tuning_ratings(run, feedback, study), run.aside)

    return _model(run, "reward", run.manifest.inputs["ratings"], ratings, folder, study, materials, progress)


def referee_of(
    run: PlannedRun, folder: StudyFolder, study: Study, materials: Materials, progress: Progress
) -> RewardModel:
    """The referee of the settings that are tried for the run's condition, as `reward_of` but from the ratings of the
    prompts that are set aside, and no others.
    """
    aside = run.aside
    assert aside is not None

    def ratings(feedback: Feedback) -> Feedback:
        return _tuning_ratings(run, feedback, study).of_prompts(aside.prompts)

    try:
        return _model(run, "referee", aside.ratings, ratings, folder, study, materials, progress)
    except DataError as error:
        raise DataError(
            f"The settings tried cannot be compared by the ratings of the {len(aside.prompts)} prompts that are set "
            f"aside: {error} Or raise search.set_aside."
        ) from error


def _model(
    run: PlannedRun,
    name: str,
    digest: str,
    ratings: Callable[[Feedback], Feedback],
    folder: StudyFolder,
    study: Study,
    materials: Materials,
    progress: Progress,
) -> RewardModel:
    """The model that lies under that ``name``, or one that is made of the ``ratings`` with that ``digest``."""
    place = run.shared / name
    experiment = study.experiment(run.key.experiment)
    condition = experiment.condition(run.key.condition)
    made_from = Manifest(
        what=f"{name} model of experiment {experiment.key}, condition {condition.key}",
        config={"policy": condition.policy, "leniency": condition.leniency, "groups": list(condition.groups)},
        inputs={"ratings": digest, "base model": run.manifest.inputs["base model"]},
    )
    stored = _stored(place, made_from)
    if stored is not None:
        return stored
    feedback = Feedback.load(folder.data)
    model = _learnt(run, ratings(feedback), study, experiment, condition, materials, progress)
    _save(model, place / "model.npz")
    table = _quality(run, model, feedback, study, condition, materials, progress)
    write_csv(table.round(6), place / "quality.csv")
    write_manifest(place, made_from)
    return model


def _tuning_ratings(run: PlannedRun, feedback: Feedback, study: Study) -> Feedback:
    experiment = study.experiment(run.key.experiment)
    return tuning_ratings(feedback, study, experiment, experiment.condition(run.key.condition))


def _learnt(
    run: PlannedRun,
    ratings: Feedback,
    study: Study,
    experiment: Experiment,
    condition: Condition,
    materials: Materials,
    progress: Progress,
) -> RewardModel:
    items = _rated_items(ratings, run.training.language)
    desirable = {one.key: one.desirable for one in study.dimensions}
    return learn(
        _states(run, items, materials, progress),
        items,
        rating_table(ratings),
        {key: 1.0 if desirable[key] == "high" else -1.0 for key in experiment.objective},
        condition.scale,
        groups=_groups(ratings, study, condition),
        worst=condition.policy == "maximin",
        lenient=condition.leniency == "removed",
    )


def _quality(
    run: PlannedRun,
    model: RewardModel,
    feedback: Feedback,
    study: Study,
    condition: Condition,
    materials: Materials,
    progress: Progress,
) -> pd.DataFrame:
    _, others = split_raters(feedback, study.evaluation.judge_raters, study.evaluation.seed)
    held_out = set(others.prompts.loc[others.prompts["split"] == "held-out", "prompt"])
    scaled = others.rescale(condition.scale, neutral=condition.neutral)
    items = _rated_items(scaled, run.training.language)
    items = items.loc[items["prompt"].isin(held_out)].reset_index(drop=True)
    ratings = rating_table(scaled)
    if items.empty:
        return pd.DataFrame({"dimension": list(model.heads), "group": "everybody", "responses": 0})
    answers = {
        key: {rater: answer for rater, answer in _answers(others, study, key).items() if answer != UNDECLARED}
        for key in study.demographic_keys
        if key in others.raters.columns
    }
    groups = _groups(scaled, study, condition)
    return quality(
        model, _states(run, items, materials, progress), items, ratings, answers, groups, study.evaluation.seed
    )


def _answers(feedback: Feedback, study: Study, key: str) -> dict[str, str]:
    merged = study.demographic(key).merged if key in study.analysis.merges else {}
    answers = feedback.raters.set_index("rater")[key].dropna()
    return {str(rater): merged.get(answer, answer) for rater, answer in answers.items()}


def _groups(feedback: Feedback, study: Study, condition: Condition) -> dict[str, int] | None:
    if condition.policy not in ("group-balanced", "maximin"):
        return None
    merges = {key: study.demographic(key).merged for key in study.analysis.merges}
    rated = feedback.raters.loc[feedback.raters["rater"].isin(feedback.ratings["rater"])]
    return group_numbers(rated, condition, merges)[0]


def _rated_items(feedback: Feedback, language: str) -> pd.DataFrame:
    """``item, prompt, question, text`` of the rated items that have texts in ``language``."""
    items = feedback.items.loc[feedback.items["item"].isin(feedback.ratings["item"])]
    asked = feedback.prompts.set_index("prompt")[f"text_{language}"]
    table = pd.DataFrame(
        {
            "item": items["item"],
            "prompt": items["prompt"],
            "question": items["prompt"].map(asked),
            "text": items[f"text_{language}"],
        }
    )
    return table.dropna().sort_values("item", ignore_index=True)


def _states(run: PlannedRun, items: pd.DataFrame, materials: Materials, progress: Progress) -> Any:
    tokeniser = materials.tokeniser(run)
    answers = [
        tokeniser.answered([{"role": "user", "content": question}], text)
        for question, text in zip(items["question"], items["text"], strict=True)
    ]
    return materials.states(run, answers, progress)


def _save(model: RewardModel, file: Path) -> None:
    arrays: dict[str, Any] = {"centre": model.centre, "basis": model.basis, "worst": model.worst}
    arrays["dimensions"] = np.array(list(model.heads))
    for dimension, head in model.heads.items():
        arrays |= {f"{dimension}/{name}": getattr(head, name) for name in _HEAD}
        arrays[f"{dimension}/numbers"] = np.array([head.rater_sd, head.prior_sd, model.signs[dimension]])
    write_arrays(file, **arrays)


def _stored(place: Path, made_from: Manifest) -> RewardModel | None:
    try:
        found = read_manifest(place)
        if (found.what, found.config, found.inputs) != (made_from.what, made_from.config, made_from.inputs):
            return None
        arrays = read_arrays(place / "model.npz")
        return None if arrays is None else _read(arrays)
    except (SchemaError, ValueError, KeyError):
        return None


def _read(content: Mapping[str, Any]) -> RewardModel:
    heads, signs = {}, {}
    for dimension in content["dimensions"].tolist():
        rater_sd, prior_sd, signs[dimension] = content[f"{dimension}/numbers"].tolist()
        arrays = {name: content[f"{dimension}/{name}"] for name in _HEAD}
        heads[dimension] = Head(**arrays, rater_sd=rater_sd, prior_sd=prior_sd)
    return RewardModel(content["centre"], content["basis"], heads, signs, bool(content["worst"]))
