"""The stage ``train``: every model that the study's experiments ask for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import closing

from pluralign.errors import MissingExtraError
from pluralign.folder import StudyFolder
from pluralign.manifests import read_manifest
from pluralign.progress import SILENT, Progress
from pluralign.study import Study
from pluralign.training import reference, rows
from pluralign.training.changes import PlannedRun, planned_runs, refuse_changed
from pluralign.training.engines import Engine, InThisProcess
from pluralign.training.failures import Failure, RunsFailedError, Trouble, trouble_of, write_failure
from pluralign.training.grid import RunKey
from pluralign.training.launch import for_processes
from pluralign.training.materials import Materials
from pluralign.training.results import RunResult, read_done
from pluralign.training.reward_models import RewardModel
from pluralign.training.tuning import PreparedRun, steps_left, warm_up_steps
from pluralign.training.work import Rewarding, Scoring, Tuning, reward, score, tune_run

# Scored before what is known is written to the disk, so that a kill costs no more than that.
_SCORED_TOGETHER = 200


def train(
    folder: StudyFolder,
    study: Study,
    only: Sequence[str] | None = None,
    progress: Progress = SILENT,
    named: Sequence[str] | None = None,
    engine: Engine | None = None,
) -> list[RunResult]:
    """Tune a model for every condition and seed of the experiments in ``only`` (None: of all), on ``pairs.parquet``.

    ``named`` asks for single runs; ``engine`` does the work, by default here and in order, and is closed at the end.

    Conditions of one experiment get the same number of steps, the same initial adapter and the same order of pairs for
    one seed. A finished run is kept; one that was stopped, however abruptly, goes on from its last checkpoint and ends
    with the weights it would have had. Rows longer than ``max_length`` are left out and counted.

    A run that fails leaves ``failed.json``, the others go on, and RunsFailedError tells at the end which failed and how
    to mend it; the next call tries them again. Nothing is begun, and MismatchError raised, where a run was begun with
    other inputs; DataError where there are no pairs at all, MissingExtraError without the libraries.
    """
    _require_libraries()
    engine = engine or InThisProcess()
    engine.begin(progress)
    runs, impossible = planned_runs(folder, study, only, named)
    refuse_changed(runs)
    runs = for_processes(runs, engine.processes)
    earlier = {run.key for run in runs if run.finished}
    failures = _Failures(folder, progress)
    for key, error in impossible:
        failures.add(key, error)
    materials = Materials(folder)
    prepared = _prepare([run for run in runs if not run.finished], materials, failures, progress)
    with closing(engine):
        ready = _score(prepared, engine, materials, failures, progress)
        tasks = _with_rewards(ready, folder, study, engine, materials, failures, progress)
        _tune_all(tasks, engine, materials, failures, progress)
    results = [_result(run, run.key in earlier) for run in runs if run.finished]
    if failures.found:
        raise RunsFailedError(failures.found, results)
    return results


class _Failures:
    """Collects what fails, keeps it in the runs' folders, and tells it at once."""

    def __init__(self, folder: StudyFolder, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self.found: list[Failure] = []

    def add(self, key: RunKey, found: Exception | Trouble) -> None:
        trouble = found if isinstance(found, Trouble) else trouble_of(found)
        failure = Failure(key, trouble.reason, trouble.kind)
        self.found.append(failure)
        write_failure(key.folder(self._folder), failure, trouble.where)
        self._progress.say(f"{key} failed: {failure.reason}")


def _require_libraries() -> None:
    # Asked for before the libraries are imported: nothing here is ever fetched from a hub.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import datasets  # noqa: F401
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"Tuning models needs the extra `train` ({error.name} is missing): pip install 'pluralign[train]'."
        ) from error


def _prepare(
    runs: Sequence[PlannedRun], materials: Materials, failures: _Failures, progress: Progress
) -> list[PreparedRun]:
    """Tokenise what each run needs, leave out what is too long and say so, and put the rest in order."""
    prepared: list[PreparedRun] = []
    fitting: dict[tuple[str, str], tuple[list[rows.Row], list[rows.Row]]] = {}
    for run in runs:
        name = (run.key.experiment, run.key.condition)
        try:
            if name not in fitting:
                fitting[name] = _that_fit(run, materials, progress)
            prepared.append(_in_order(run, *fitting[name]))
        except Exception as error:
            failures.add(run.key, error)
    materials.keep()
    return prepared


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


def _that_fit(run: PlannedRun, materials: Materials, progress: Progress) -> tuple[list[rows.Row], list[rows.Row]]:
    """The rows of pairs and of rated responses that are short enough."""
    where = f"Experiment {run.key.experiment}, condition {run.key.condition}"
    tokeniser = materials.tokeniser(run)
    pairs = _short(rows.tokenise(run.table, run.pairs, tokeniser), run, where, progress)
    if run.rated is None:
        return pairs, []
    return pairs, _short(rows.tokenise_rated(run.table, run.pairs, run.rated, tokeniser), run, where, progress)


def _short(everything: list[rows.Row], run: PlannedRun, where: str, progress: Progress) -> list[rows.Row]:
    fitting = rows.that_fit(everything, run.training.max_length, where)
    if len(fitting) < len(everything):
        progress.say(
            f"{where}: {len(everything) - len(fitting)} of {len(everything)} rows are longer than training.max_length "
            f"of {run.training.max_length} tokens and are left out; the longest has "
            f"{max(row.length for row in everything)}."
        )
    return fitting


def _score(
    runs: Sequence[PreparedRun], engine: Engine, materials: Materials, failures: _Failures, progress: Progress
) -> list[PreparedRun]:
    """Score what no run has scored before, model by model; return the runs that can go on, in that order."""
    wanted: dict[str, set[reference.Answered]] = {}
    of_model: dict[str, list[PreparedRun]] = {}
    for run in runs:
        name = materials.name(run.plan)
        of_model.setdefault(name, []).append(run)
        wanted.setdefault(name, set()).update(reference.answers(_scored(run)))
    tasks = []
    for name, texts in wanted.items():
        plan = of_model[name][0].plan
        tasks += [Scoring(plan, part) for part in _parts(materials.scores(plan).missing(texts), engine.at_once)]
    if tasks:
        progress.start("Scoring responses with the base model", sum(len(task.answers) for task in tasks))
    broken: dict[str, Trouble] = {}
    for task, result in engine.each(score, tasks, materials, progress):
        if isinstance(result, Trouble):
            broken[materials.name(task.run)] = result
        else:
            materials.scores(task.run).add(task.answers, result)
    progress.finish()
    for name, trouble in broken.items():
        for run in of_model[name]:
            failures.add(run.plan.key, trouble)
    return [run for name, members in of_model.items() if name not in broken for run in members]


def _parts(answers: list[reference.Answered], at_once: int) -> list[list[reference.Answered]]:
    size = max(1, min(_SCORED_TOGETHER, math.ceil(len(answers) / at_once)))
    return [answers[begin : begin + size] for begin in range(0, len(answers), size)]


def _scored(run: PreparedRun) -> list[rows.Row]:
    """Rows whose responses the loss compares with the reference model: not those of prompts alone."""
    return [row for row in (*run.stream, *run.warm_up) if row.chosen_ids]


def _with_rewards(
    runs: Sequence[PreparedRun],
    folder: StudyFolder,
    study: Study,
    engine: Engine,
    materials: Materials,
    failures: _Failures,
    progress: Progress,
) -> list[Tuning]:
    """Make the reward models that runs need, one for each condition; return the runs that can go on."""
    of_condition: dict[tuple[str, str], list[PreparedRun]] = {}
    for run in runs:
        of_condition.setdefault((run.plan.key.experiment, run.plan.key.condition), []).append(run)
    learning = [members for members in of_condition.values() if members[0].plan.training.method in ("grpo", "rloo")]
    tasks = [Rewarding(members[0].plan, folder, study) for members in learning]
    if tasks:
        progress.start("Learning rewards", len(tasks))
    made: dict[tuple[str, str], RewardModel | Trouble] = {}
    for task, result in engine.each(reward, tasks, materials, progress):
        made[task.run.key.experiment, task.run.key.condition] = result
    progress.finish()
    ready = []
    for name, members in of_condition.items():
        learnt = made.get(name)
        if isinstance(learnt, Trouble):
            for run in members:
                failures.add(run.plan.key, learnt)
        else:
            ready += [Tuning(run, learnt) for run in members]
    return ready


def _tune_all(
    tasks: Sequence[Tuning], engine: Engine, materials: Materials, failures: _Failures, progress: Progress
) -> None:
    if not tasks:
        return
    progress.start(f"Tuning {_models(len(tasks))}", sum(steps_left(task.run.plan) for task in tasks))
    for task, result in engine.each(tune_run, tasks, materials, progress):
        if isinstance(result, Trouble):
            failures.add(task.run.plan.key, result)
    progress.finish()


def _models(number: int) -> str:
    return "1 model" if number == 1 else f"{number} models"


def _result(run: PlannedRun, earlier: bool) -> RunResult:
    done, manifest = read_done(run.folder), read_manifest(run.folder)
    assert done is not None
    return RunResult(
        key=run.key,
        folder=run.folder,
        steps=done["steps"],
        rows=manifest.rows_out,
        too_long=manifest.dropped["too_long"],
        first_loss=done["loss"]["first"],
        last_loss=done["loss"]["last"],
        kl=done.get("kl", {}).get("per_token", math.nan),
        earlier=earlier,
    )
