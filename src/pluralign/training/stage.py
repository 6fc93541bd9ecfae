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
from pluralign.training.changes import refuse_changed, stale_pairs
from pluralign.training.engines.engine import Engine, InThisProcess
from pluralign.training.engines.launch import for_processes
from pluralign.training.execution import Execution
from pluralign.training.failures import RunsFailedError
from pluralign.training.grid import grid
from pluralign.training.overview import write_models
from pluralign.training.plans import PlannedRun
from pluralign.training.results import RunResult, read_done
from pluralign.training.schedule import Impossible, Schedule


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

    Where an experiment tries settings, that is done first, and its models are tuned under those that were chosen.
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
    with closing(engine):
        schedule = Schedule(folder, study)
        runs, impossible = _asked(schedule, only, named, engine)
        for sentence in stale_pairs(folder, runs):
            progress.say(sentence)
        earlier = {run.key for run in runs if run.finished}
        execution = Execution(folder, study, engine, progress)
        if execution.try_settings([run for run in runs if run.aside is not None]):
            # Again, since the final runs are now decided.
            runs, impossible = _asked(schedule, only, named, engine)
        for sentence in schedule.write_choices([run.key.experiment for run in runs]):
            progress.say(sentence)
        for key, error in impossible:
            execution.fail(key, error)
        execution.do([run for run in runs if run.aside is None])
        write_models(folder, study, [key.experiment for key, _ in grid(study, only, named)])
    results = [_result(run, run.key in earlier) for run in runs if run.finished and (named or run.aside is None)]
    if execution.failures:
        raise RunsFailedError(execution.failures, results)
    return results


def _asked(
    schedule: Schedule, only: Sequence[str] | None, named: Sequence[str] | None, engine: Engine
) -> tuple[list[PlannedRun], Impossible]:
    """The runs as the engine does them, and those that cannot be begun; MismatchError as `train` raises it."""
    runs, impossible = schedule.runs(only, named)
    refuse_changed(runs)
    return for_processes(runs, engine.processes, divides=engine.divides), impossible


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
