"""The stage ``train``: every model that the study's experiments ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pluralign.errors import MissingExtraError
from pluralign.folder import StudyFolder
from pluralign.language_models import load
from pluralign.manifests import read_manifest
from pluralign.progress import SILENT, Progress
from pluralign.study import Study
from pluralign.training import reference, rows
from pluralign.training.changes import PlannedRun, planned_runs, refuse_changed
from pluralign.training.results import RunResult, read_done
from pluralign.training.tuning import PreparedRun, steps_left, tune


def train(
    folder: StudyFolder, study: Study, only: Sequence[str] | None = None, progress: Progress = SILENT
) -> list[RunResult]:
    """Tune a model for every condition and seed of the experiments in ``only`` (None: of all), on ``pairs.parquet``.

    Conditions of one experiment get the same number of steps, the same initial adapter and the same order of pairs for
    one seed. A finished run is kept; one that was stopped, however abruptly, goes on from its last checkpoint and ends
    with the weights it would have had. Rows longer than ``max_length`` are left out and counted.

    Raises MismatchError where a run was begun with other inputs, DataError where there are no pairs or none that fits,
    ConvergenceError where a loss is not a number, ModelError where the base model cannot be used, MissingExtraError
    without the libraries.
    """
    _require_libraries()
    runs = planned_runs(folder, study, only)
    refuse_changed(runs)
    earlier = {run.key for run in runs if run.finished}
    unfinished = _prepare([run for run in runs if not run.finished], progress)
    if unfinished:
        scores = _reference_scores(unfinished, progress)
        progress.start(f"Tuning {_models(len(unfinished))}", sum(steps_left(run.plan) for run in unfinished))
        for run in unfinished:
            tune(run, scores[run.plan.model], progress)
        progress.finish()
    return [_result(run, run.key in earlier) for run in runs]


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


def _prepare(runs: Sequence[PlannedRun], progress: Progress) -> list[PreparedRun]:
    """Tokenise what each run needs, leave out what is too long and say so, and put the rest in order."""
    prepared: list[PreparedRun] = []
    fitting: dict[tuple[str, str], list[rows.Row]] = {}
    for run in runs:
        name, training = (run.key.experiment, run.key.condition), run.training
        if name not in fitting:
            fitting[name] = _that_fit(run, progress)
        stream = rows.ordered(fitting[name], run.key.seed, training.steps * training.batch_size)
        prepared.append(PreparedRun(run, stream, too_long=len(run.pairs) - len(fitting[name])))
    return prepared


def _that_fit(run: PlannedRun, progress: Progress) -> list[rows.Row]:
    where = f"Experiment {run.key.experiment}, condition {run.key.condition}"
    everything = rows.tokenise(run.table, run.pairs, _tokenizer(run.model))
    fitting = rows.that_fit(everything, run.training.max_length, where)
    if len(fitting) < len(everything):
        progress.say(
            f"{where}: {len(everything) - len(fitting)} of {len(everything)} rows are longer than training.max_length "
            f"of {run.training.max_length} tokens and are left out; the longest has "
            f"{max(row.length for row in everything)}."
        )
    return fitting


def _tokenizer(model: Path) -> object:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(model), local_files_only=True)


def _reference_scores(runs: Sequence[PreparedRun], progress: Progress) -> dict[Path, reference.Scores]:
    """Reference log-probabilities by base model."""
    wanted: dict[Path, set[reference.Answered]] = {}
    arithmetic = {run.plan.model: run.plan.manifest.config["arithmetic"] for run in runs}
    for run in runs:
        wanted.setdefault(run.plan.model, set()).update(reference.answers(run.stream))
    progress.start("Scoring responses with the base model", sum(map(len, wanted.values())))
    scores: dict[Path, reference.Scores] = {}
    for folder, texts in wanted.items():
        model, _ = load(folder, **arithmetic[folder])
        scores[folder] = reference.score(model, texts, progress)
    progress.finish()
    return scores


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
        earlier=earlier,
    )
