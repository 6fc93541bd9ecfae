"""Which models a study asks for: every condition of every experiment, once with each seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pluralign.errors import ConfigError
from pluralign.folder import StudyFolder
from pluralign.study import Study, Training


@dataclass(frozen=True, slots=True)
class RunKey:
    """One model to be tuned."""

    experiment: str
    condition: str
    seed: int

    def __str__(self) -> str:
        return f"{self.experiment}/{self.condition}/seed-{self.seed}"

    def folder(self, study_folder: StudyFolder) -> Path:
        """Where the run lies."""
        return study_folder.run(self.experiment, self.condition, self.seed)


def grid(study: Study, only: Sequence[str] | None = None) -> list[tuple[RunKey, Training]]:
    """Every run of the experiments named in ``only`` (None: of all), in the order of the study file.

    Raises ConfigError for an experiment that the study does not have, or where it has none.
    """
    if not study.experiments:
        raise ConfigError("The study file lists no experiments, so there is no model to tune; add one.")
    experiments = study.experiments if only is None else [study.experiment(key) for key in dict.fromkeys(only)]
    runs = []
    for experiment in experiments:
        training = study.training_for(experiment)
        for condition in experiment.conditions:
            runs += [(RunKey(experiment.key, condition.key, seed), training) for seed in dict.fromkeys(training.seeds)]
    return runs
