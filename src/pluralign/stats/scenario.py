"""Studies that have not been run yet: raters, items and ratings drawn as the study file's simulation says.

Ratings follow the model of ``pluralign simulate``, a cumulative logit model with crossed effects of rater and item, but
without texts: an item's effect is drawn, not computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.errors import ConfigError
from pluralign.stats.formula import parse
from pluralign.stats.links import FloatArray
from pluralign.study import UNDECLARED, Demographic, Simulation, Study

_COLUMNS = ("rater", "item", "context", "prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One effect in a planned study: raters of ``level`` against the reference level of ``demographic``.

    ``effect`` is in log odds, positive towards higher values. ``level`` is a level of the analysis (after merging),
    ``codes`` the answers it takes in. ``shares`` gives the share of every answer, per demographic; ``item_sd`` is the
    standard deviation of the items' effects on the logit scale.
    """

    study: Study
    dimension: str
    demographic: str
    level: str
    codes: tuple[str, ...]
    effect: float
    shares: Mapping[str, Mapping[str, float]]
    items: int
    item_sd: float

    @property
    def share(self) -> float:
        """Share of the raters who belong to the group."""
        return sum(self.shares[self.demographic].get(code, 0.0) for code in self.codes)

    @property
    def term(self) -> str:
        """The group's coefficient in the model."""
        return f"{self.demographic}[T.{self.level}]"


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One simulated study of one dimension: ``frame`` without values, latent ratings without the effect, who has it."""

    frame: pd.DataFrame
    latent: FloatArray
    member: NDArray[np.bool_]
    thresholds: tuple[float, ...]

    def ratings(self, effect: float) -> pd.DataFrame:
        """One row per rating, as ``Feedback.long_frame`` has it. Two effects share everything but the effect."""
        values = 1 + np.searchsorted(np.array(self.thresholds), self.latent + effect * self.member)
        return self.frame.assign(value=values)


def scenario(
    study: Study,
    *,
    dimension: str,
    demographic: str,
    code: str,
    effect: float | None = None,
    share: float | None = None,
    items: int,
    item_noise_sd: float,
) -> Scenario:
    """The scenario of a study file, with its planted effect and shares where ``effect`` or ``share`` is None.

    Raises ConfigError where the study has no simulation, the analysis does not estimate the group's effect, or a
    number makes no sense.
    """
    simulation = _simulation(study)
    study.dimension(dimension)
    asked = study.demographic(demographic)
    level, codes = _level(study, asked, code)
    _check_formula(study, asked)
    if items < study.items_per_rater:
        raise ConfigError(f"Each rater rates {study.items_per_rater} items, and there are only {items}. Plan for more.")
    shares = {key: _normalised(counts) for key, counts in simulation.margins.items()}
    if share is not None:
        shares[demographic] = _with_share(shares[demographic], codes, share)
    found = Scenario(
        study=study,
        dimension=dimension,
        demographic=demographic,
        level=level,
        codes=codes,
        effect=_planted(simulation, dimension, demographic, codes) if effect is None else effect,
        shares=shares,
        items=items,
        item_sd=float(np.hypot(simulation.quality[dimension], item_noise_sd)),
    )
    if not np.isfinite(found.effect) or found.effect == 0:
        raise ConfigError(f"An effect of {found.effect:g} cannot be found; give one other than 0, in log odds.")
    if not 0 < found.share < 1:
        raise ConfigError(
            f"The group is {found.share:.1%} of the raters in the study file; give its share, above 0 and below 1."
        )
    return found


def draw(plan: Scenario, raters: int, generator: np.random.Generator) -> Draw:
    """Simulate ``raters`` raters and their items; answers are drawn independently of one another."""
    study, simulation = plan.study, _simulation(plan.study)
    answers = _answers(plan, raters, generator)
    person = generator.normal(0.0, simulation.rater_sd[plan.dimension], raters)
    for demographic, effects in simulation.effects.get(plan.dimension, {}).items():
        if demographic != plan.demographic:
            person += answers[demographic].map(effects).fillna(0.0).to_numpy(dtype=float)
    member = answers[plan.demographic].isin(plan.codes).to_numpy()
    per_rater = study.items_per_rater
    rows = np.repeat(np.arange(raters), per_rater)
    # the smallest of as many random numbers as there are items: no item twice for one rater
    item = np.argpartition(generator.random((raters, plan.items)), per_rater - 1, axis=1)[:, :per_rater].ravel()
    latent = person[rows] + generator.normal(0.0, plan.item_sd, plan.items)[item] + generator.logistic(size=len(item))
    contexts = np.array(study.context_keys or ("none",), dtype=object)
    frame = answers.iloc[rows].reset_index(drop=True)
    frame = frame.assign(
        rater=rows,
        item=item,
        context=contexts[item % len(contexts)],
        prompt=item // len(contexts),
        dimension=plan.dimension,
    )
    return Draw(frame, latent, member[rows], simulation.thresholds[plan.dimension])


def _simulation(study: Study) -> Simulation:
    if study.simulation is None:
        raise ConfigError(
            f"The study {study.name} has no simulation, and a plan is made by simulating: give thresholds, rater_sd, "
            "margins and quality in the study file."
        )
    return study.simulation


def _level(study: Study, asked: Demographic, code: str) -> tuple[str, tuple[str, ...]]:
    """The level of the analysis that ``code`` names, and the answers in it."""
    merges = asked.key in study.analysis.merges
    of_level = asked.merged if merges else {answer: answer for answer in asked.codes}
    reference = asked.merged_reference if merges else asked.reference
    levels = [level for level in dict.fromkeys(of_level.values()) if level != reference]
    if code in levels:
        return code, tuple(answer for answer, level in of_level.items() if level == code)
    if code == reference or of_level.get(code) == reference:
        raise ConfigError(f"{asked.key}={code} is the reference; its effect is 0. Plan for {', '.join(levels)}.")
    if code in of_level:
        raise ConfigError(f"The analysis merges {code} into {of_level[code]}. Plan for {asked.key}={of_level[code]}.")
    raise ConfigError(f'{asked.key} has no group "{code}" in the analysis; it has {", ".join(levels)}.')


def _check_formula(study: Study, asked: Demographic) -> None:
    formula = parse(study.analysis.formula)
    if asked.key not in formula.fixed_columns:
        raise ConfigError(
            f"The analysis does not estimate effects of {asked.key}: its formula is {formula.text}. Plan for "
            f"{', '.join(formula.fixed_columns) or 'a formula with predictors'}."
        )
    other = [name for name in formula.columns[1:] if name not in (*study.demographic_keys, *_COLUMNS)]
    if other:
        raise ConfigError(f"{', '.join(other)} in the formula {formula.text} cannot be simulated; plan without it.")


def _normalised(counts: Mapping[str, float]) -> dict[str, float]:
    total = sum(counts.values())
    return {code: count / total for code, count in counts.items()}


def _with_share(shares: Mapping[str, float], codes: tuple[str, ...], share: float) -> dict[str, float]:
    """Shares with ``share`` in ``codes`` together; within these and within the others the proportions stay."""
    if not 0 < share < 1:
        raise ConfigError(f"The group's share is {share:g}; it must lie between 0 and 1.")
    known = {code: shares.get(code, 0.0) for code in {**shares, **dict.fromkeys(codes)}}
    inside = {code: known[code] for code in codes}
    if not any(inside.values()):
        inside = dict.fromkeys(codes, 1.0)
    outside = {code: number for code, number in known.items() if code not in inside}
    scaled = {code: share * part for code, part in _normalised(inside).items()}
    return scaled | {code: (1 - share) * part for code, part in _normalised(outside).items()}


def _planted(simulation: Simulation, dimension: str, demographic: str, codes: tuple[str, ...]) -> float:
    effects = simulation.effects.get(dimension, {}).get(demographic, {})
    values = {effects.get(code, 0.0) for code in codes}
    if len(values) > 1 or 0.0 in values:
        raise ConfigError(
            f"The study file plants no single effect of {demographic} {', '.join(codes)} on {dimension}; give the "
            "effect to plan for."
        )
    return float(values.pop())


def _answers(plan: Scenario, raters: int, generator: np.random.Generator) -> pd.DataFrame:
    """One column per demographic, in the order asked; options offered only to some are drawn only for these."""
    answers: dict[str, NDArray[np.object_]] = {}
    for asked in plan.study.demographics:
        codes = list(plan.shares[asked.key])
        chances = np.tile(list(plan.shares[asked.key].values()), (raters, 1))
        for option in asked.options:
            if option.when and option.code in codes:
                offered = np.logical_and.reduce([np.isin(answers[key], wanted) for key, wanted in option.when.items()])
                chances[~offered, codes.index(option.code)] = 0.0
        below = np.cumsum(chances, axis=1)
        chosen = (generator.random((raters, 1)) * below[:, -1:] >= below).sum(axis=1)
        # past the last code where nothing is offered
        answers[asked.key] = np.array([*codes, UNDECLARED], dtype=object)[chosen]
    return pd.DataFrame(answers)
