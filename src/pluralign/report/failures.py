"""The runs that failed, each with the reason that training gave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pluralign.report.sources import Sources
from pluralign.study import Experiment
from pluralign.training import read_failure


def failed(sources: Sources) -> list[str]:
    """A sentence for each reason, in the program's own words, after the runs that it kept from being tuned."""
    runs: dict[str, list[str]] = {}
    for experiment in sources.study.experiments:
        for place in _places(sources, experiment):
            failure = read_failure(place)
            if failure is not None and not (place / "done.json").is_file():
                reason = failure["reason"].replace(f"{sources.folder.root}/", "")
                runs.setdefault(reason, []).append(place.relative_to(sources.folder.runs).as_posix())
    return [sources.say("limits.untuned", runs=", ".join(names), why=reason) for reason, names in runs.items()]


def _places(sources: Sources, experiment: Experiment) -> Iterator[Path]:
    """The folders of the experiment's models and, where it tries settings, of the tries."""
    for condition in experiment.conditions:
        for seed in sources.study.training_for(experiment).seeds:
            yield sources.folder.run(experiment.key, condition.key, seed)
        if experiment.search is not None:
            yield from sorted((sources.folder.runs / experiment.key / condition.key).glob("try-*/seed-*"))
