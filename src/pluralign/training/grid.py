"""Which models a study asks for: every condition of every experiment, once with each seed, and before them those on
which settings are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pluralign.errors import ConfigError
from pluralign.folder import StudyFolder
from pluralign.study import Experiment, Study, Training
from pluralign.study.training import changed


@dataclass(frozen=True, slots=True)
class RunKey:
    """One model to be tuned. ``tried`` is the number of the setting that is tried with it, 0 for a final model."""

    experiment: str
    condition: str
    seed: int
    tried: int = 0

    def __str__(self) -> str:
        return "/".join((self.experiment, self.condition, *self._below))

    @property
    def _below(self) -> tuple[str, ...]:
        seed = f"seed-{self.seed}"
        return (f"try-{self.tried}", seed) if self.tried else (seed,)

    def folder(self, study_folder: StudyFolder) -> Path:
        """Where the run lies."""
        return study_folder.runs.joinpath(self.experiment, self.condition, *self._below)

    def shared(self, study_folder: StudyFolder) -> Path:
        """Where lies what all such runs of the condition share."""
        condition = study_folder.runs / self.experiment / self.condition
        return condition / "search" if self.tried else condition


def grid(
    study: Study, only: Sequence[str] | None = None, named: Sequence[str] | None = None
) -> list[tuple[RunKey, Training]]:
    """Every run of the experiments in ``only`` (None: of all), in the order of the study file; of an experiment, those
    come first on which settings are tried. A final run has the condition's own settings, before any are chosen.

    ``named`` asks for these runs only, each written as ``experiment/condition/seed-1``. Raises ConfigError for an
    experiment or a run that the study does not have, or where it has no experiment at all.
    """
    if not study.experiments:
        raise ConfigError("The study file lists no experiments, so there is no model to tune; add one.")
    experiments = study.experiments if only is None else [study.experiment(key) for key in dict.fromkeys(only)]
    runs = []
    for experiment in experiments:
        trained = {
            condition.key: changed(study.training_for(experiment), condition.training)
            for condition in experiment.conditions
        }
        for condition, training in trained.items():
            runs += _tries(experiment, condition, training)
        for condition, training in trained.items():
            runs += [(RunKey(experiment.key, condition, seed), training) for seed in dict.fromkeys(training.seeds)]
    return runs if named is None else _named(runs, named)


def _tries(experiment: Experiment, condition: str, training: Training) -> list[tuple[RunKey, Training]]:
    search = experiment.search
    if search is None:
        return []
    return [
        (RunKey(experiment.key, condition, seed, number), changed(training, settings))
        for number, settings in enumerate(search.settings, start=1)
        for seed in dict.fromkeys(search.seeds)
    ]


def _named(runs: list[tuple[RunKey, Training]], named: Sequence[str]) -> list[tuple[RunKey, Training]]:
    known = {str(key): (key, training) for key, training in runs}
    for name in named:
        if name not in known:
            raise ConfigError(f'There is no run "{name}"; allowed: {", ".join(known)}.')
    return [known[name] for name in dict.fromkeys(named)]
