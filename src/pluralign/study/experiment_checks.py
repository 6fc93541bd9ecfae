"""Checks of the experiments: names they refer to, and settings that would be read by nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pluralign.study.base import UNDECLARED
from pluralign.study.experiments import Condition, Experiment
from pluralign.study.expression_checks import expression_problems
from pluralign.study.problems import Path, Problem, not_among, repeated
from pluralign.study.search_checks import search_problems
from pluralign.study.training_checks import condition_training_problems

if TYPE_CHECKING:
    from pluralign.study.model import Study

ORIGINS = ("prolific", "open", "imported", "simulated")
"""Where raters come from, as stored in their table."""


def experiment_problems(study: Study, experiment: Experiment, path: Path) -> Iterator[Problem]:
    """Mistakes of one experiment."""
    yield from _objective(study, experiment, (*path, "objective"))
    yield from repeated((*path, "conditions"), [condition.key for condition in experiment.conditions], "key")
    for index, condition in enumerate(experiment.conditions):
        where = (*path, "conditions", index)
        yield from _scale(study, condition, where)
        yield from _policy(study, experiment, condition, where)
        yield from _whose(study, condition, (*where, "whose"))
        yield from condition_training_problems(study, experiment, condition, where)
    yield from search_problems(study, experiment, path)
    language = experiment.training.language if experiment.training else None
    if language is not None and language not in study.languages:
        yield not_among((*path, "training", "language"), language, study.languages)


def _objective(study: Study, experiment: Experiment, path: Path) -> Iterator[Problem]:
    for key, weight in experiment.objective.items():
        if key not in study.dimension_keys:
            yield not_among((*path, key), key, study.dimension_keys)
        if weight <= 0:
            yield Problem((*path, key), f"is {weight:g}; a weight is above 0, the direction comes from `desirable`")


def _scale(study: Study, condition: Condition, path: Path) -> Iterator[Problem]:
    allowed = _scales(study.points)
    if condition.scale not in allowed:
        yield not_among((*path, "scale"), condition.scale, allowed)
    has_middle_to_place = condition.scale == 2 and study.points % 2 == 1
    if has_middle_to_place and condition.neutral is None:
        yield Problem((*path, "neutral"), "is needed with `scale: 2`; allowed: drop, low, high")
    if condition.neutral is not None and not has_middle_to_place:
        yield Problem(
            (*path, "neutral"), "is read only with `scale: 2` and an odd number of scale values; leave it out"
        )


def _scales(points: int) -> list[int]:
    """Points to which a scale can be reduced without favouring a side, from many to few."""
    if points % 2:
        return sorted({points, 3, 2}, reverse=True)
    return [fewer for fewer in range(points, 1, -1) if points % fewer == 0]


_READ_BY = {
    "ties": ("majority",),
    "groups": ("group-balanced", "maximin"),
    "comparisons": ("preserve", "unanimous", "group-balanced"),
    "rows": ("preserve", "group-balanced"),
    "leniency": ("preserve", "mean", "median", "unanimous", "group-balanced", "maximin"),
}
"""The policies that read a setting; the other settings are read by all."""


def _policy(study: Study, experiment: Experiment, condition: Condition, path: Path) -> Iterator[Problem]:
    for name, policies in _READ_BY.items():
        if getattr(condition, name) != Condition.model_fields[name].default and condition.policy not in policies:
            listed = " or ".join(f"`policy: {policy}`" for policy in policies)
            yield Problem((*path, name), f"is read only with {listed}; leave it out")
    if condition.policy == "majority" and condition.ties is None:
        yield Problem((*path, "ties"), "is needed with `policy: majority`; allowed: drop, low, high, neutral")
    if condition.ties == "neutral" and condition.scale % 2 == 0:
        yield Problem((*path, "ties"), f"is neutral, but a scale of {condition.scale} has no middle")
    yield from _groups(study, condition, (*path, "groups"))
    yield from _combine(experiment, condition, (*path, "combine"))


def _groups(study: Study, condition: Condition, path: Path) -> Iterator[Problem]:
    if condition.policy in _READ_BY["groups"] and not condition.groups:
        listed = ", ".join(study.demographic_keys) or "none"
        yield Problem(path, f"is needed with `policy: {condition.policy}`; allowed: {listed}")
    for index, key in enumerate(condition.groups):
        if key not in study.demographic_keys:
            yield not_among((*path, index), key, study.demographic_keys)
    yield from repeated(path, condition.groups)


def _combine(experiment: Experiment, condition: Condition, path: Path) -> Iterator[Problem]:
    if condition.combine != "pareto":
        return
    if len(experiment.objective) < 2:
        yield Problem(path, "is pareto, but the objective has one dimension; leave it out or add a dimension")
    if condition.policy == "maximin":
        yield Problem(path, "is pareto, but `policy: maximin` compares single numbers; leave it out")


def _whose(study: Study, condition: Condition, path: Path) -> Iterator[Problem]:
    if condition.whose is None:
        return
    codes = {demographic.key: (*demographic.codes, UNDECLARED) for demographic in study.demographics}
    known = {**codes, "language": study.languages, "origin": ORIGINS}
    yield from expression_problems(condition.whose, known, (*known, "weight"), path, "column of the raters")
