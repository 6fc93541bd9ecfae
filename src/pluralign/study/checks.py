"""What no part of the study file can check alone: that its parts fit together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from pluralign.study.base import RESERVED, UNDECLARED, Model, Text
from pluralign.study.eligibility import eligibility_problems
from pluralign.study.evaluation_checks import evaluation_problems
from pluralign.study.experiment_checks import experiment_problems
from pluralign.study.instrument import AttentionCheck, Demographic
from pluralign.study.names import names_in_formula
from pluralign.study.problems import Path, Problem, not_among, repeated
from pluralign.study.training_checks import training_problems

if TYPE_CHECKING:
    from pluralign.study.model import Study

FORMULA_COLUMNS = ("rater", "item", "context", "prompt", "language")
"""What a formula may name besides demographics."""


SUM_OF_SHARES = 0.005
"""How far shares may be from a sum of 1: tables print three decimals."""


def problems(study: Study) -> Iterator[Problem]:
    """Every mistake that shows only when the parts are seen together."""
    yield from _texts(study)
    yield from _keys(study)
    yield from _demographics(study)
    yield from _attention(study)
    yield from eligibility_problems(study)
    yield from _quotas(study)
    yield from _fielding(study)
    yield from _analysis(study)
    yield from _weights(study)
    yield from _simulation(study)
    if study.training.language not in study.languages:
        yield not_among(("training", "language"), study.training.language, study.languages)
    yield from training_problems(study)
    yield from evaluation_problems(study)
    for index, experiment in enumerate(study.experiments):
        yield from experiment_problems(study, experiment, ("experiments", index))


def _texts(study: Study) -> Iterator[Problem]:
    for path, text in texts_of(study):
        for language in study.languages:
            if language not in text:
                yield Problem(path, f'has no text in "{language}", a language of this study; add it')
        for language in text:
            if language not in study.languages:
                listed = ", ".join(study.languages)
                yield Problem((*path, language), f"is in a language that is not listed; languages: {listed}")


def texts_of(value: object, path: Path = ()) -> Iterator[tuple[Path, Text]]:
    """Every text in a part of the study file, with its path."""
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, Model):
        for name in type(value).model_fields:
            yield from texts_of(getattr(value, name), (*path, name))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from texts_of(inner, (*path, index))


def _keys(study: Study) -> Iterator[Problem]:
    yield from repeated(("languages",), study.languages)
    yield from repeated(("texts", "consent"), [part.key for part in study.texts.consent], "key")
    for name in ("dimensions", "contexts", "demographics", "experiments"):
        yield from repeated((name,), [part.key for part in getattr(study, name)], "key")
    for index, key in enumerate(study.demographic_keys):
        if key in RESERVED:
            yield Problem(
                ("demographics", index, "key"), f'is "{key}", a word with a meaning of its own; choose another'
            )


def _demographics(study: Study) -> Iterator[Problem]:
    for index, demographic in enumerate(study.demographics):
        path: Path = ("demographics", index)
        codes = demographic.codes
        yield from repeated((*path, "options"), codes, "code")
        if UNDECLARED in codes:
            where = (*path, "options", codes.index(UNDECLARED), "code")
            yield Problem(where, f'is "{UNDECLARED}", which is always offered; leave this option out')
        if demographic.reference not in codes:
            yield not_among((*path, "reference"), demographic.reference, codes)
        yield from _merges(demographic, (*path, "merges"))
        yield from _conditions_of_options(study, index)


def _merges(demographic: Demographic, path: Path) -> Iterator[Problem]:
    merged_into: dict[str, str] = {}
    for new, codes in demographic.merges.items():
        for position, code in enumerate(codes):
            where = (*path, new, position)
            if code not in demographic.codes:
                yield not_among(where, code, demographic.codes)
            elif code in merged_into:
                yield Problem(where, f'is "{code}", which is merged into {merged_into[code]} already')
            merged_into.setdefault(code, new)
    for new, codes in demographic.merges.items():
        if new in demographic.codes and new not in codes:
            yield Problem((*path, new), f'is also an option that is not merged into it; add "{new}" or rename it')
        if not codes:
            yield Problem((*path, new), "merges nothing; list the codes that it takes in")


def _conditions_of_options(study: Study, index: int) -> Iterator[Problem]:
    earlier = {other.key: other.codes for other in study.demographics[:index]}
    for position, option in enumerate(study.demographics[index].options):
        path = ("demographics", index, "options", position, "when")
        yield from _answers(option.when, earlier, path, undeclared=False)


def _answers(
    wanted: Mapping[str, Iterable[str]], known: Mapping[str, Collection[str]], path: Path, undeclared: bool
) -> Iterator[Problem]:
    """Problems of a mapping from demographics to some of their codes."""
    for key, codes in wanted.items():
        if key not in known:
            yield not_among((*path, key), key, known)
            continue
        allowed = [*known[key], UNDECLARED] if undeclared else list(known[key])
        yield from (not_among((*path, key, code), code, allowed) for code in codes if code not in allowed)


def _attention(study: Study) -> Iterator[Problem]:
    values = range(1, study.points + 1)
    for index, check in enumerate(study.attention_checks):
        path = ("attention_checks", index)
        if check.after not in study.dimension_keys:
            yield not_among((*path, "after"), check.after, study.dimension_keys)
        for position, value in enumerate(check.options):
            if value not in values:
                yield Problem((*path, "options", position), f"is {value}, outside the scale 1 to {study.points}")
        yield from repeated((*path, "options"), check.options)
        if check.wanted not in check.options:
            yield not_among((*path, "wanted"), check.wanted, check.options)
        elif check.wanted in values:
            yield from _says_what_to_choose(study, check, (*path, "text"))


def _says_what_to_choose(study: Study, check: AttentionCheck, path: Path) -> Iterator[Problem]:
    """A check must tell exactly what to choose: an unclear one fails raters who read well."""
    label = study.scale.labels[check.wanted - 1]
    for language, wording in check.text.items():
        if language in label and label[language].casefold() not in wording.casefold():
            yield Problem((*path, language), f'does not name the wanted answer "{label[language]}"; add it to the text')


def _quotas(study: Study) -> Iterator[Problem]:
    if study.recruitment is None:
        return
    known = {demographic.key: demographic.codes for demographic in study.demographics}
    for index, quota in enumerate(study.recruitment.quotas):
        path = ("recruitment", "quotas", index)
        wanted = {key: (code,) for key, code in quota.where.items()}
        yield from _answers(wanted, known, (*path, "where"), undeclared=False)
        if quota.raters > study.recruitment.target:
            yield Problem((*path, "raters"), f"is {quota.raters}, more than the target of {study.recruitment.target}")


def _fielding(study: Study) -> Iterator[Problem]:
    yield from repeated(("fielding", "tasks"), study.fielding.tasks)
    coverage = study.fielding.coverage
    if coverage is not None and coverage.demographic not in study.demographic_keys:
        yield not_among(("fielding", "coverage", "demographic"), coverage.demographic, study.demographic_keys)


def _analysis(study: Study) -> Iterator[Problem]:
    yield from _formula(study)
    categories = study.analysis.categories
    if categories is not None:
        flat = [value for group in categories for value in group]
        if flat != list(range(1, study.points + 1)) or not all(categories):
            yield Problem(
                ("analysis", "categories"),
                f"must name each value from 1 to {study.points} once, in order; an example: {_halves(study.points)}",
            )
    yield from repeated(("analysis", "merges"), study.analysis.merges)
    mergeable = [demographic.key for demographic in study.demographics if demographic.merges]
    for index, key in enumerate(study.analysis.merges):
        if key not in mergeable:
            yield not_among(("analysis", "merges", index), key, mergeable, "demographics with merges")


def _halves(points: int) -> list[list[int]]:
    middle = points // 2
    return [list(range(1, middle + 1)), list(range(middle + 1, points + 1))]


def _formula(study: Study) -> Iterator[Problem]:
    path = ("analysis", "formula")
    try:
        response, terms, groups = names_in_formula(study.analysis.formula)
    except ValueError as error:
        yield Problem(path, str(error))
        return
    if response != "rating":
        yield Problem(path, f'has the response "{response}"; it must be "rating"')
    known = (*study.demographic_keys, *FORMULA_COLUMNS)
    yield from (not_among(path, name, known, verb="names") for name in (*terms, *groups) if name not in known)


def _weights(study: Study) -> Iterator[Problem]:
    if study.analysis.weights is None:
        return
    for key, shares in study.analysis.weights.margins.items():
        path: Path = ("analysis", "weights", "margins", key)
        if key not in study.demographic_keys:
            yield not_among(path, key, study.demographic_keys)
            continue
        demographic = study.demographic(key)
        allowed = list(dict.fromkeys([*demographic.codes, *demographic.merges, UNDECLARED]))
        yield from (not_among((*path, code), code, allowed) for code in shares if code not in allowed)
        for code, group in demographic.merged.items():
            if code not in shares and group not in shares:
                yield Problem(path, f"lacks {code}; every answer needs a share")
            elif code != group and code in shares and group in shares:
                yield Problem((*path, code), f"is part of {group}, which has a share too; give one of the two")
        if max(shares.values(), default=0) <= 1 and abs(sum(shares.values()) - 1) > SUM_OF_SHARES:
            yield Problem(path, f"sums to {sum(shares.values()):g}; shares sum to 1")


def _simulation(study: Study) -> Iterator[Problem]:
    simulation = study.simulation
    if simulation is None:
        return
    codes = {demographic.key: demographic.codes for demographic in study.demographics}
    yield from _complete(("simulation", "margins"), simulation.margins, study.demographic_keys)
    for key, counts in simulation.margins.items():
        path: Path = ("simulation", "margins")
        if key in codes:
            yield from _answers({key: counts}, codes, path, undeclared=True)
        if not sum(counts.values()):
            yield Problem((*path, key), "counts nobody; at least one count must be above 0")
    for name in ("thresholds", "rater_sd", "quality"):
        yield from _complete(("simulation", name), getattr(simulation, name), study.dimension_keys)
    for key, thresholds in simulation.thresholds.items():
        increasing = all(low < high for low, high in pairwise(thresholds))
        if len(thresholds) != study.points - 1 or not increasing:
            yield Problem(
                ("simulation", "thresholds", key), f"must be {study.points - 1} numbers, each above the one before"
            )
    yield from _effects(study, codes, "effects", simulation.effects)
    yield from _effects(study, codes, "tastes", simulation.tastes)


def _effects(
    study: Study,
    codes: Mapping[str, tuple[str, ...]],
    name: str,
    planted: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> Iterator[Problem]:
    for dimension, by_demographic in planted.items():
        path: Path = ("simulation", name, dimension)
        if dimension not in study.dimension_keys:
            yield not_among(path, dimension, study.dimension_keys)
        yield from _answers(by_demographic, codes, path, undeclared=True)
        for demographic, effects in by_demographic.items():
            if demographic in codes and effects.get(reference := study.demographic(demographic).reference):
                yield Problem(
                    (*path, demographic, reference), "must be 0: effects are differences from this, the reference"
                )


def _complete(path: Path, found: Collection[str], wanted: Collection[str]) -> Iterator[Problem]:
    yield from (not_among((*path, key), key, wanted) for key in found if key not in wanted)
    if lacking := [key for key in wanted if key not in found]:
        yield Problem(path, f"lacks {', '.join(lacking)}; every one must be given")
