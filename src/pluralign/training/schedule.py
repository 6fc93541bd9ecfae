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
    """The runs of a study with today's inputs; see `Schedule.runs`."""
    return Schedule(folder, study).runs(only, named)


def discard_changed_runs(folder: StudyFolder, study: Study, only: Sequence[str] | None = None) -> list[RunKey]:
    """Remove every run that was begun with other inputs than today's, so that it is begun again; return which."""
    schedule, trained = Schedule(folder, study), dict(grid(study, only))
    runs, impossible = schedule.runs(only)
    discarded = [run.key for run in runs if what_changed(run)]
    for key, error in impossible:
        # Its setting may still be chosen, unless it is none of those that are tried.
        if isinstance(error, UndecidedError) and all(map(what_changed, schedule.possible(key, trained[key]))):
            discarded.append(key)
    for key in discarded:
        shutil.rmtree(key.folder(folder))
    return discarded


class Schedule:
    """The runs of a study with today's inputs. Tables are read once, and the tries of a condition looked at until it
    is decided.
    """

    def __init__(self, folder: StudyFolder, study: Study) -> None:
        self._folder = folder
        self._study = study
        self._plans = Plans(folder, study)
        self._tried: dict[tuple[str, str], tuple[list[PlannedRun], list[Setting]]] = {}

    def runs(
        self, only: Sequence[str] | None = None, named: Sequence[str] | None = None
    ) -> tuple[list[PlannedRun], Impossible]:
        """Every run asked for, and those that cannot be begun with the reason: UndecidedError where settings have still
        to be tried for it.

        Raises ConfigError for what the study does not have, SchemaError where prompts or responses cannot be read,
        DataError where there are no preference pairs at all.
        """
        wanted = grid(self._study, only, named)
        if not any_pairs(self._folder, [key for key, _ in wanted]):
            raise DataError(
                f"{self._folder.preferences}: there are no preference pairs for any condition asked for. Make them "
                "with `pluralign prefer`."
            )
        self._plans.require_texts()
        runs: list[PlannedRun] = []
        impossible: Impossible = []
        for key, training in wanted:
            try:
                runs.append(self._plan(key, training))
            except PluralignError as error:
                impossible.append((key, error))
        return runs, impossible

    def possible(self, key: RunKey, training: Training) -> list[PlannedRun]:
        """A final run under each of the settings that are tried."""
        search = self._study.experiment(key.experiment).search
        assert search is not None
        return [self._plans.plan(key, changed(training, settings)) for settings in search.settings]

    def write_choices(self, experiments: Sequence[str]) -> list[str]:
        """Write what came of the settings that were tried for the experiments, those conditions that are decided;
        return a sentence on each choice.
        """
        sentences = []
        for name in dict.fromkeys(experiments):
            experiment = self._study.experiment(name)
            if experiment.search is None:
                continue
            tried = {}
            for condition in experiment.conditions:
                try:
                    tried[condition.key] = self._settings_tried(experiment, condition.key)
                except PluralignError:
                    # Told where the condition's models cannot be tuned.
                    continue
            if tried:
                found = {key: list(zip(*pair, strict=True)) for key, pair in tried.items()}
                write_table(self._folder, experiment, found)
            sentences += [
                f"{name}/{condition}: {said(experiment.search, settings)}" for condition, (_, settings) in tried.items()
            ]
        return sentences

    def _plan(self, key: RunKey, training: Training) -> PlannedRun:
        """The run; a final one under the setting that was chosen for its condition, where settings are tried."""
        experiment = self._study.experiment(key.experiment)
        if experiment.search is None or key.tried:
            return self._plans.plan(key, training)
        _, settings = self._settings_tried(experiment, key.condition)
        return self._plans.plan(key, changed(training, experiment.search.settings[chosen(settings) - 1]))

    def _settings_tried(self, experiment: Experiment, condition: str) -> tuple[list[PlannedRun], list[Setting]]:
        """One run for each setting tried for the condition, and what came of it. Raises as `settings_tried` does."""
        name = (experiment.key, condition)
        if name not in self._tried:
            keys = [
                (key, training)
                for key, training in grid(self._study, [experiment.key])
                if key.condition == condition and key.tried
            ]
            runs = [self._plans.plan(key, training) for key, training in keys]
            settings = settings_tried(experiment, condition, runs)
            first = {run.key.tried: run for run in reversed(runs)}
            self._tried[name] = ([first[one.number] for one in settings], settings)
        return self._tried[name]
