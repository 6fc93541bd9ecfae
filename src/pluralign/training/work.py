"""The pieces of work of a grid; each can be done in this process, in another, or on another machine."""

from __future__ import annotations

from dataclasses import dataclass

from pluralign.errors import ConvergenceError
from pluralign.folder import StudyFolder
from pluralign.language_models import Generated
from pluralign.progress import Progress
from pluralign.study import Study
from pluralign.training.grid import RunKey
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.reference import Answered, log_probs
from pluralign.training.rewards.making import referee_of, reward_of
from pluralign.training.rewards.models import RewardModel
from pluralign.training.search import Outcome, write_outcome
from pluralign.training.trying import answers, forget_answers, judged
from pluralign.training.tuning.run import PreparedRun, tune


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
class Judging:
    """Models on which settings were tried for one condition are to be judged by its referee."""

    runs: list[PlannedRun]
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


def judge_tries(task: Judging, materials: Materials, progress: Progress) -> None:
    """Judge the models; what came of each lies in its folder afterwards, and is a step of ``progress``."""
    # There need not be room for a tried model and the base model at once.
    materials.forget_models()
    replies: dict[RunKey, list[Generated]] = {}
    for run in task.runs:
        try:
            replies[run.key] = answers(run)
        except ConvergenceError as error:
            write_outcome(run, Outcome({}, diverged=str(error)))
        progress.advance(note=str(run.key))
    referee = referee_of(task.runs[0], task.folder, task.study, materials, progress)
    for run in task.runs:
        if run.key in replies:
            write_outcome(run, judged(run, replies[run.key], referee, materials))
            forget_answers(run)
