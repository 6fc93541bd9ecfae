"""The pieces of work of a grid; each can be done in this process, in another, or on another machine."""

from __future__ import annotations

from dataclasses import dataclass

from pluralign.folder import StudyFolder
from pluralign.progress import Progress
from pluralign.study import Study
from pluralign.training.changes import PlannedRun
from pluralign.training.materials import Materials
from pluralign.training.reference import Answered, log_probs
from pluralign.training.reward_models import RewardModel
from pluralign.training.rewards import reward_of
from pluralign.training.tuning import PreparedRun, tune


@dataclass(frozen=True, slots=True)
class Scoring:
    """Responses to be scored with the base model of ``run``."""

    run: PlannedRun
    answers: list[Answered]


@dataclass(frozen=True, slots=True)
class Rewarding:
    """The reward model of the condition of ``run`` is to be learnt."""

    run: PlannedRun
    folder: StudyFolder
    study: Study


@dataclass(frozen=True, slots=True)
class Tuning:
    """A run to be done, with its reward model where its method has one."""

    run: PreparedRun
    reward: RewardModel | None


def score(task: Scoring, materials: Materials, progress: Progress) -> list[float]:
    """Log-probabilities of the responses, each of which is a step of ``progress``."""
    with materials.base(task.run) as (model, _):
        return log_probs(model, task.answers, progress)


def reward(task: Rewarding, materials: Materials, progress: Progress) -> RewardModel:
    """The condition's reward model, which lies in its folder afterwards."""
    made = reward_of(task.run, task.folder, task.study, materials, progress)
    progress.advance()
    return made


def tune_run(task: Tuning, materials: Materials, progress: Progress) -> None:
    """Do what is left of the run; each step of its optimiser is one of ``progress``."""
    if task.reward is not None:
        materials.rewards[task.run.plan.key.experiment, task.run.plan.key.condition] = task.reward
    tune(task.run, materials, progress)
