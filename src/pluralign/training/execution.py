"""Doing runs with an engine: what they share is made first, and what fails does not stop the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from pluralign.errors import ConvergenceError
from pluralign.folder import StudyFolder
from pluralign.progress import Progress
from pluralign.study import Study
from pluralign.training import reference, rows
from pluralign.training.engines.engine import Engine
from pluralign.training.failures import Failure, Trouble, trouble_of, write_failure
from pluralign.training.grid import RunKey
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.rewards.models import RewardModel
from pluralign.training.search import Outcome, is_open, write_outcome
from pluralign.training.tuning.run import PreparedRun, steps_left, warm_up_steps
from pluralign.training.work import Judging, Rewarding, Scoring, Tuning, judge_tries, reward, score, tune_run
from pluralign.wording import counted

# Scored before what is known is written to the disk, so that a kill costs no more than that.
_SCORED_TOGETHER = 200

T = TypeVar("T")


class Execution:
    """Does the runs of a study with ``engine``; ``failures`` are those so far."""

    def __init__(self, folder: StudyFolder, study: Study, engine: Engine, progress: Progress) -> None:
        self._folder = folder
        self._study = study
        self._engine = engine
        self._progress = progress
        self._materials = Materials(folder)
        self.failures: list[Failure] = []

    def fail(self, key: RunKey, found: Exception | Trouble) -> None:
        """Keep a failure in the run's folder, and tell it at once."""
        trouble = found if isinstance(found, Trouble) else trouble_of(found)
        failure = Failure(key, trouble.reason, trouble.kind)
        self.failures.append(failure)
        write_failure(key.folder(self._folder), failure, trouble.where)
        self._progress.say(f"{key} failed: {failure.reason}")

    def do(self, runs: Sequence[PlannedRun]) -> None:
        """Tune what is not finished."""
        prepared = self._prepare([run for run in runs if not run.finished])
        self._tune_all(self._with_rewards(self._score(prepared)))

    def try_settings(self, tries: Sequence[PlannedRun]) -> bool:
        """Tune and judge the models on which settings are tried, as far as it is not known what came of them; return
        whether there were any.
        """
        unknown = [run for run in tries if is_open(run)]
        self.do(unknown)
        self._judge([run for run in unknown if run.finished])
        return bool(unknown)

    def _prepare(self, runs: Sequence[PlannedRun]) -> list[PreparedRun]:
        """Tokenise what each run needs, leave out what is too long and say so, and put the rest in order."""
        prepared: list[PreparedRun] = []
        fitting: dict[tuple[str, str], tuple[list[rows.Row], list[rows.Row]]] = {}
        for run in runs:
            name = (run.key.experiment, run.key.condition)
            try:
                if name not in fitting:
                    fitting[name] = self._that_fit(run)
                prepared.append(_in_order(run, *fitting[name]))
            except Exception as error:
                self.fail(run.key, error)
        self._materials.keep()
        return prepared

    def _that_fit(self, run: PlannedRun) -> tuple[list[rows.Row], list[rows.Row]]:
        """The rows of pairs and of rated responses that are short enough."""
        where = f"Experiment {run.key.experiment}, condition {run.key.condition}"
        tokeniser = self._materials.tokeniser(run)
        pairs = self._short(rows.tokenise(run.table, run.pairs, tokeniser), run, where)
        if run.rated is None:
            return pairs, []
        return pairs, self._short(rows.tokenise_rated(run.table, run.pairs, run.rated, tokeniser), run, where)

    def _short(self, everything: list[rows.Row], run: PlannedRun, where: str) -> list[rows.Row]:
        fitting = rows.that_fit(everything, run.training.max_length, where)
        if len(fitting) < len(everything):
            self._progress.say(
                f"{where}: {len(everything) - len(fitting)} of {len(everything)} rows are longer than "
                f"training.max_length of {run.training.max_length} tokens and are left out; the longest has "
                f"{max(row.length for row in everything)}."
            )
        return fitting

    def _score(self, runs: Sequence[PreparedRun]) -> list[PreparedRun]:
        """Score what no run has scored before, model by model; return the runs that can go on, in that order."""
        wanted: dict[str, set[reference.Answered]] = {}
        of_model: dict[str, list[PreparedRun]] = {}
        for run in runs:
            name = self._materials.name(run.plan)
            of_model.setdefault(name, []).append(run)
            wanted.setdefault(name, set()).update(reference.answers(_scored(run)))
        tasks = []
        for name, texts in wanted.items():
            plan = of_model[name][0].plan
            missing = self._materials.scores(plan).missing(texts)
            tasks += [Scoring(plan, part) for part in _parts(missing, self._engine.at_once)]
        if tasks:
            self._progress.start("Scoring responses with the base model", sum(len(task.answers) for task in tasks))
        broken: dict[str, Trouble] = {}
        for task, result in self._engine.each(score, tasks, self._materials, self._progress):
            if isinstance(result, Trouble):
                broken[self._materials.name(task.run)] = result
            else:
                self._materials.scores(task.run).add(task.answers, result)
        self._progress.finish()
        for name, trouble in broken.items():
            for run in of_model[name]:
                self.fail(run.plan.key, trouble)
        return [run for name, members in of_model.items() if name not in broken for run in members]

    def _with_rewards(self, runs: Sequence[PreparedRun]) -> list[Tuning]:
        """Make the reward models that runs need, one for each condition; return the runs that can go on."""
        of_condition = _by_condition(runs, lambda run: run.plan.key)
        learning = [one for one in of_condition.values() if one[0].plan.training.method in ("grpo", "rloo")]
        tasks = [Rewarding(members[0].plan, self._folder, self._study) for members in learning]
        if tasks:
            self._progress.start("Learning rewards", len(tasks))
        made: dict[tuple[str, str], RewardModel | Trouble] = {}
        for task, result in self._engine.each(reward, tasks, self._materials, self._progress):
            made[task.run.key.experiment, task.run.key.condition] = result
        self._progress.finish()
        ready = []
        for name, members in of_condition.items():
            learnt = made.get(name)
            if isinstance(learnt, Trouble):
                for run in members:
                    self.fail(run.plan.key, learnt)
            else:
                ready += [Tuning(run, learnt) for run in members]
        return ready

    def _tune_all(self, tasks: Sequence[Tuning]) -> None:
        if not tasks:
            return
        self._progress.start(f"Tuning {_models(tasks)}", sum(steps_left(task.run.plan) for task in tasks))
        for task, result in self._engine.each(tune_run, tasks, self._materials, self._progress):
            if isinstance(result, Trouble):
                self._end(task.run.plan, result)
        self._progress.finish()

    def _end(self, run: PlannedRun, trouble: Trouble) -> None:
        """A model that diverges has failed; where settings are tried, that is what came of the setting."""
        if run.aside is not None and trouble.kind == ConvergenceError.__name__:
            write_outcome(run, Outcome({}, diverged=trouble.reason))
            self._progress.say(f"{run.key} diverged: the setting will not be chosen.")
        else:
            self.fail(run.key, trouble)

    def _judge(self, runs: Sequence[PlannedRun]) -> None:
        of_condition = _by_condition(runs, lambda run: run.key)
        tasks = [Judging(members, self._folder, self._study) for members in of_condition.values()]
        if tasks:
            self._progress.start("Judging the settings tried", len(runs))
        for task, result in self._engine.each(judge_tries, tasks, self._materials, self._progress):
            if isinstance(result, Trouble):
                for run in task.runs:
                    if is_open(run):
                        self.fail(run.key, result)
        self._progress.finish()


def _in_order(run: PlannedRun, pairs: list[rows.Row], rated: list[rows.Row]) -> PreparedRun:
    """``rated`` are the rows of methods that learn from single responses, none for the others."""
    seed, batch, steps = run.key.seed, run.training.batch_size, run.training.steps
    warm_up = rows.ordered(pairs, seed, warm_up_steps(run) * batch)
    if run.training.method in ("grpo", "rloo"):
        asked = rows.ordered(
            rows.prompts_of(run.pairs, pairs), seed, steps * 2 * batch // run.training.responses_per_prompt
        )
        return PreparedRun(run, asked, warm_up, len(run.pairs) - len(pairs))
    if run.rated is None:
        return PreparedRun(run, rows.ordered(pairs, seed, steps * batch), warm_up, len(run.pairs) - len(pairs))
    stream = rows.with_strangers(rows.ordered(rated, seed, steps * 2 * batch), 2 * batch)
    return PreparedRun(run, stream, warm_up, len(run.rated) - len(rated))


def _parts(answers: list[reference.Answered], at_once: int) -> list[list[reference.Answered]]:
    size = max(1, min(_SCORED_TOGETHER, math.ceil(len(answers) / at_once)))
    return [answers[begin : begin + size] for begin in range(0, len(answers), size)]


def _scored(run: PreparedRun) -> list[rows.Row]:
    """Rows whose responses the loss compares with the reference model: not those of prompts alone."""
    return [row for row in (*run.stream, *run.warm_up) if row.chosen_ids]


def _by_condition(runs: Sequence[T], key: Callable[[T], RunKey]) -> dict[tuple[str, str], list[T]]:
    found: dict[tuple[str, str], list[T]] = {}
    for run in runs:
        found.setdefault((key(run).experiment, key(run).condition), []).append(run)
    return found


def _models(tasks: Sequence[Tuning]) -> str:
    number = counted(len(tasks), "model")
    return f"{number} to try settings" if tasks[0].run.plan.aside is not None else number
