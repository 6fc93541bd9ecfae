"""Which runs there are to do with today's inputs, and under which settings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pluralign.errors import DataError, PluralignError
from pluralign.folder import StudyFolder
from pluralign.study.training import changed
from pluralign.training.changes import what_changed
from pluralign.training.grid import RunKey, grid
from pluralign.training.plans import PlannedRun, Plans, any_pairs
from pluralign.training.search import Setting, UndecidedError, chosen, said, settings_tried, write_table

if TYPE_CHECKING:
    from pluralign.study import Experiment, Study, Training

Impossible = list[tuple[RunKey, PluralignError]]


def planned_runs(
    folder: StudyFolder, study: Study, only: Sequence[str] | None = None, named: Sequence[str] | None = None
) -> tuple[list[PlannedRun], Impossible]:
    """Every run asked for with today's inputs, and those that cannot be begun with the reason: UndecidedError where
    settings have still to be tried for it.

    Raises ConfigError for what the study does not have, SchemaError where prompts or responses cannot be read,
    DataError where there are no preference pairs at all.
    """
    wanted = grid(study, only, named)
    if not any_pairs(folder, [key for key, _ in wanted]):
        raise DataError(
            f"{folder.preferences}: there are no preference pairs for any condition asked for. Make them with "
            "`pluralign prefer`."
        )
    scheduling = _Scheduling(folder, study)
    scheduling.plans.require_texts()
    runs: list[PlannedRun] = []
    impossible: Impossible = []
    for key, training in wanted:
        try:
            runs.append(scheduling.plan(key, training))
        except PluralignError as error:
            impossible.append((key, error))
    return runs, impossible


def discard_changed_runs(folder: StudyFolder, study: Study, only: Sequence[str] | None = None) -> list[RunKey]:
    """Remove every run that was begun with other inputs than today's, so that it is begun again; return which."""
    runs, impossible = planned_runs(folder, study, only)
    discarded = [run.key for run in runs if what_changed(run)]
    scheduling, trained = _Scheduling(folder, study), dict(grid(study, only))
    for key, error in impossible:
        # Its setting may still be chosen, unless it is none of those that are tried.
        if isinstance(error, UndecidedError) and all(map(what_changed, scheduling.possible(key, trained[key]))):
            discarded.append(key)
    for key in discarded:
        shutil.rmtree(key.folder(folder))
    return discarded


def write_choices(folder: StudyFolder, study: Study, experiments: Sequence[str]) -> list[str]:
    """Write what came of the settings that were tried for the experiments, those conditions that are decided; return a
    sentence on each choice.
    """
    scheduling = _Scheduling(folder, study)
    sentences = []
    for name in dict.fromkeys(experiments):
        experiment = study.experiment(name)
        if experiment.search is None:
            continue
        tried = {}
        for condition in experiment.conditions:
            try:
                tried[condition.key] = scheduling.tried(experiment, condition.key)
            except PluralignError:
                # Told where the condition's models cannot be tuned.
                continue
        if tried:
            write_table(folder, experiment, {key: list(zip(*found, strict=True)) for key, found in tried.items()})
        sentences += [
            f"{name}/{condition}: {said(experiment.search, settings)}" for condition, (_, settings) in tried.items()
        ]
    return sentences


class _Scheduling:
    """Plans of runs; a condition's tries are looked at once."""

    def __init__(self, folder: StudyFolder, study: Study) -> None:
        self.plans = Plans(folder, study)
        self._study = study
        self._tried: dict[tuple[str, str], tuple[list[PlannedRun], list[Setting]]] = {}

    def plan(self, key: RunKey, training: Training) -> PlannedRun:
        """The run; a final one under the setting that was chosen for its condition, where settings are tried."""
        experiment = self._study.experiment(key.experiment)
        if experiment.search is None or key.tried:
            return self.plans.plan(key, training)
        _, settings = self.tried(experiment, key.condition)
        return self.plans.plan(key, changed(training, experiment.search.settings[chosen(settings) - 1]))

    def possible(self, key: RunKey, training: Training) -> list[PlannedRun]:
        """The final run under each of the settings that are tried."""
        search = self._study.experiment(key.experiment).search
        assert search is not None
        return [self.plans.plan(key, changed(training, settings)) for settings in search.settings]

    def tried(self, experiment: Experiment, condition: str) -> tuple[list[PlannedRun], list[Setting]]:
        """One run for each setting tried for the condition, and what came of it. Raises as `settings_tried` does."""
        name = (experiment.key, condition)
        if name not in self._tried:
            keys = [
                (key, training)
                for key, training in grid(self._study, [experiment.key])
                if key.condition == condition and key.tried
            ]
            runs = [self.plans.plan(key, training) for key, training in keys]
            settings = settings_tried(experiment, condition, runs)
            first = {run.key.tried: run for run in reversed(runs)}
            self._tried[name] = ([first[one.number] for one in settings], settings)
        return self._tried[name]
