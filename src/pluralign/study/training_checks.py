"""Checks of how models are tuned: settings that would be read by nothing, and what a method cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pluralign.study.problems import Path, Problem
from pluralign.study.training import (
    OF_BATCHES,
    READ_BY,
    SMOOTHED,
    WITHOUT_BETA,
    ConditionTraining,
    Training,
    changed,
    reads,
)

if TYPE_CHECKING:
    from pluralign.study.experiments import Condition, Experiment
    from pluralign.study.model import Study

_FROM_RATINGS = ("kto", "grpo", "rloo")
_RATED = ("preserve", "majority")
_REWARDED = ("preserve", "group-balanced", "maximin")
_UNCERTAIN = ("preserve", "group-balanced")


def training_problems(study: Study) -> Iterator[Problem]:
    """Settings under ``training``, of the study and of its experiments, that no condition reads."""
    everything = [
        _training(study, experiment, one) for experiment in study.experiments for one in experiment.conditions
    ]
    if everything:
        yield from _unread(study.training, everything, ("training",))
    for index, experiment in enumerate(study.experiments):
        if experiment.training is not None:
            its = [_training(study, experiment, condition) for condition in experiment.conditions]
            yield from _unread(experiment.training, its, ("experiments", index, "training"))


def condition_training_problems(
    study: Study, experiment: Experiment, condition: Condition, path: Path
) -> Iterator[Problem]:
    """Mistakes in how the models of one condition are tuned."""
    training = _training(study, experiment, condition)
    if condition.training is not None:
        yield from _unread(condition.training, [training], (*path, "training"))
    if training.method in ("grpo", "rloo"):
        yield from _rewarded(condition, training, path)
    if training.method == "kto" and condition.policy not in _RATED:
        yield _no_such_policy(condition, training, _RATED, path)
    if training.method in _FROM_RATINGS and condition.combine == "pareto":
        yield Problem((*path, "combine"), f"is pareto, which compares pairs; `method: {training.method}` reads none")
    if training.method == "kto" and condition.leniency == "removed":
        yield Problem((*path, "leniency"), "is removed, which leaves no neutral value for `method: kto` to start from")
    if training.method == "dpo" and training.dpo_loss in OF_BATCHES and condition.policy in _UNCERTAIN:
        yield Problem(
            (*path, "policy"),
            f"is {condition.policy}, whose pairs can be uncertain, and `dpo_loss: {training.dpo_loss}` compares whole "
            "batches of certain pairs; choose another loss, or the policy majority, mean, median, unanimous or maximin",
        )


def _training(study: Study, experiment: Experiment, condition: Condition) -> Training:
    return changed(changed(study.training, experiment.training), condition.training)


def _rewarded(condition: Condition, training: Training, path: Path) -> Iterator[Problem]:
    if condition.policy not in _REWARDED:
        yield _no_such_policy(condition, training, _REWARDED, path)
    responses = 2 * training.batch_size
    if responses % training.responses_per_prompt:
        yield Problem(
            (*path, "training", "responses_per_prompt"),
            f"is {training.responses_per_prompt}, by which the {responses} responses of a step (twice `batch_size`) "
            "cannot be divided",
        )


def _no_such_policy(condition: Condition, training: Training, allowed: Iterable[str], path: Path) -> Problem:
    return Problem(
        (*path, "policy"),
        f"is {condition.policy}, which makes pairs; `method: {training.method}` learns from the ratings themselves and "
        f"knows {', '.join(allowed)}",
    )


def _unread(stated: Training | ConditionTraining, used: list[Training], path: Path) -> Iterator[Problem]:
    """What is stated at ``path``, other than the default, and read by no method of ``used``."""
    for name in READ_BY:
        value = getattr(stated, name)
        if value is None or value == Training.model_fields[name].default:
            continue
        if any(reads(training, name) for training in used):
            continue
        if not any(training.method in READ_BY[name] for training in used):
            methods = " or ".join(f"`method: {method}`" for method in READ_BY[name])
            yield Problem((*path, name), f"is read only with {methods}; leave it out")
        elif name == "label_smoothing":
            losses = ", ".join(SMOOTHED)
            yield Problem((*path, name), f"is read only by the losses {losses}; leave it out")
        else:
            yield Problem((*path, name), f"is not read with `dpo_loss: {WITHOUT_BETA}`; leave it out")
