"""Checks of the settings that an experiment tries: a budget that would not be equal, and seeds used twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pluralign.study.problems import Path, Problem
from pluralign.study.training import TRIED_SETTINGS, Search, Training, changed, reads

if TYPE_CHECKING:
    from pluralign.study.experiments import Condition, Experiment
    from pluralign.study.model import Study


def search_problems(study: Study, experiment: Experiment, path: Path) -> Iterator[Problem]:
    """Mistakes in what an experiment tries before it tunes its models."""
    search = experiment.search
    if search is None:
        return
    path = (*path, "search")
    trained = {
        condition.key: changed(study.training_for(experiment), condition.training)
        for condition in experiment.conditions
    }
    yield from _unread(search, list(trained.values()), path)
    for index, condition in enumerate(experiment.conditions):
        yield from _stated_twice(search, condition, (*path[:-1], "conditions", index, "training"))
        yield from _tried_twice(search, condition.key, trained[condition.key], path)
    used = study.training_for(experiment).seeds
    for index, seed in enumerate(search.seeds):
        if seed in used:
            yield Problem(
                (*path, "seeds", index),
                f"is {seed}, which is a seed of the experiment's models, too; what is chosen with a seed must not be "
                "measured with it",
            )


def _unread(search: Search, trained: list[Training], path: Path) -> Iterator[Problem]:
    for index, tried in enumerate(search.settings):
        for name in TRIED_SETTINGS:
            if getattr(tried, name) is not None and not any(reads(training, name) for training in trained):
                yield Problem((*path, "settings", index, name), "is read by no condition's method; leave it out")


def _stated_twice(search: Search, condition: Condition, path: Path) -> Iterator[Problem]:
    for name in TRIED_SETTINGS:
        stated = condition.training is not None and getattr(condition.training, name) is not None
        if stated and all(getattr(tried, name) is not None for tried in search.settings):
            yield Problem((*path, name), "is never used, since `search` tries other values; leave one of them out")


def _tried_twice(search: Search, condition: str, training: Training, path: Path) -> Iterator[Problem]:
    """Settings that differ in nothing that the condition's method reads: it would be tried fewer times than others."""
    seen: dict[tuple[object, ...], int] = {}
    for index, tried in enumerate(search.settings):
        made = changed(training, tried)
        read = tuple(getattr(made, name) for name in TRIED_SETTINGS if reads(made, name))
        if read in seen:
            yield Problem(
                (*path, "settings", index),
                f"differs from number {seen[read] + 1} in nothing that condition {condition} reads (`method: "
                f"{training.method}`), which would have fewer tries than others; change its learning_rate as well",
            )
        seen.setdefault(read, index)
