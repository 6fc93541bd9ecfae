"""What is compared: the experiments and their conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from pluralign.errors import ConfigError
from pluralign.study.base import Key, Model, Number, Slug, Text, Whole, Words
from pluralign.study.training import (
    ConditionTraining,
    Positive,
    PositiveNumber,
    Search,
    Training,
    TrainingChanges,
)

__all__ = ["Condition", "Experiment", "Positive", "PositiveNumber", "Search", "Training", "TrainingChanges"]


class Condition(Model):
    """One way of turning ratings into preference pairs."""

    key: Slug = Field(description="Name of the condition, a folder in the results.")
    policy: Literal["preserve", "majority", "mean", "median", "unanimous", "group-balanced", "maximin"] = Field(
        description="`preserve` lets every rating count; `majority`, `mean` and `median` give each response one value;"
        " `unanimous` keeps what nobody contradicts; `group-balanced` gives every group the same say; `maximin` goes"
        " by the group that a response serves least."
    )
    scale: Whole = Field(
        ge=2,
        description="Points of the scale to which ratings are reduced: the study's own number; of an odd number"
        " also 3 or 2, of an even number its divisors.",
    )
    neutral: Literal["drop", "low", "high"] | None = Field(
        default=None, description="What becomes of the middle value when `scale` is 2: left out, low or high."
    )
    ties: Literal["drop", "low", "high", "neutral"] | None = Field(
        default=None,
        description="Under `majority`, what an item gets when several values are equally frequent:"
        " nothing, the lowest or the highest of them, or the middle of the scale.",
    )
    whose: Words | None = Field(
        default=None,
        description="Whose ratings count, an expression on the demographics such as"
        " `country == 'de' and age != '60+'`; empty for everybody's.",
    )
    half: Literal["first", "second"] | None = Field(
        default=None,
        description="Only a random half of these raters. Two conditions that differ in the half alone are a placebo:"
        " what differs between them differs by chance.",
    )
    min_raters: Positive = Field(
        default=5, description="Fewest raters that the condition, and each of its `groups`, must have."
    )
    weights: Literal["raters", "equal"] = Field(
        default="raters", description="Whether raters weigh what the table of raters says, or all the same."
    )
    groups: tuple[Key, ...] = Field(
        default=(),
        description="Under `group-balanced` and `maximin`, demographics whose answers, or combinations of answers, are"
        " the groups; merged as in the analysis.",
    )
    combine: Literal["weighted", "pareto"] = Field(
        default="weighted",
        description="With several dimensions in the objective, whether a response is better by their weighted mean, or"
        " only where it is as good on all and better on one; then the weights are not read.",
    )
    comparisons: Literal["within-first", "within", "across"] = Field(
        default="within-first",
        description="Whose opinions are compared: `within` only of raters with themselves, `across` everybody's with"
        " everybody's, `within-first` within where a rater rated both responses and across elsewhere.",
    )
    leniency: Literal["kept", "removed"] = Field(
        default="kept",
        description="Whether the raters' leniency, as a cumulative link mixed model estimates it, is taken out of their"
        " ratings first.",
    )
    rows: Literal["soft", "hard"] = Field(
        default="soft",
        description="Where p can lie between ½ and 1, `soft` writes one row per pair with the probability that the"
        " chosen response is better, `hard` one row for each direction in which raters disagree.",
    )
    size: Literal["matched", "natural"] = Field(
        default="matched",
        description="`matched` brings the condition to as many pairs as the others of its experiment, `natural` leaves"
        " it all its pairs, and them untouched by it.",
    )
    training: ConditionTraining | None = Field(
        default=None, description="What is done otherwise than in the experiment's other conditions."
    )


class Experiment(Model):
    """Conditions that are compared with each other, all else being equal."""

    key: Slug = Field(description="Name of the experiment, a folder in the results.")
    title: Text | None = Field(default=None, description="Title in the report.")
    objective: Mapping[Key, Number] = Field(
        min_length=1, description="What the models are tuned towards: weight per dimension."
    )
    conditions: tuple[Condition, ...] = Field(min_length=1, description="What is compared.")
    training: TrainingChanges | None = Field(default=None, description="What is done otherwise than `training`.")
    search: Search | None = Field(
        default=None,
        description="Settings that are tried for every condition first; each then goes on with its best.",
    )

    def condition(self, key: str) -> Condition:
        """The condition of this name; ConfigError lists what there is."""
        for condition in self.conditions:
            if condition.key == key:
                return condition
        known = ", ".join(condition.key for condition in self.conditions)
        raise ConfigError(f'Experiment {self.key} has no condition "{key}"; allowed: {known}.')
