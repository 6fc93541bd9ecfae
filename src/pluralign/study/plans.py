"""What a study does with people and ratings: recruitment, analysis, simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from pluralign.study.base import Code, Currency, Key, Model, Number, Switch, Whole, Words


class Quota(Model):
    """How many raters of one kind are wanted at most."""

    where: Mapping[Key, Code] = Field(min_length=1, description="The kind: an answer for one or several demographics.")
    raters: Whole = Field(ge=1, description="Number of raters of this kind.")


class Pay(Model):
    """What a rater is paid."""

    amount: Number = Field(gt=0, description="Amount for one rater who finishes.")
    currency: Currency = Field(description="Currency as in `USD`, `EUR`, `GBP`.")
    minutes: Number = Field(gt=0, description="Minutes that taking part is expected to last.")


class Recruitment(Model):
    """Where raters come from and how many are wanted."""

    platform: Literal["prolific", "open"] = Field(
        description="`prolific` for paid participants of Prolific, `open` for a link that anyone may use."
    )
    target: Whole = Field(ge=1, description="Number of raters wanted.")
    eligible: Words | None = Field(
        default=None,
        description="Who may take part, as an expression on the demographics such as"
        " `age != 'under_18' and country in ['de', 'us']`; everybody if empty. Others are thanked before the first"
        " item. Who prefers not to say answers `undeclared`: `!=` lets them in, `==` and `in` do not.",
    )
    quotas: tuple[Quota, ...] = Field(default=(), description="Limits per kind of rater.")
    pay: Pay | None = Field(default=None, description="Payment; empty for volunteers.")


class Weights(Model):
    """The population to which raters are weighted."""

    margins: Mapping[Key, Mapping[Code, Annotated[Number, Field(gt=0)]]] = Field(
        min_length=1,
        description="Share of every answer in the population, per demographic: shares that sum to 1, or counts, of"
        " which the shares are used. A code of `merges` stands for the answers it takes in.",
    )


class Analysis(Model):
    """The model fitted to the ratings of each dimension."""

    formula: Words = Field(
        description="Formula of the cumulative link mixed model, in R's notation:"
        " `rating ~ age + gender + (1 | rater) + (1 | item)`."
    )
    categories: tuple[tuple[Whole, ...], ...] | None = Field(
        default=None,
        min_length=2,
        description="Scale values treated as one, from low to high, such as `[[1, 2], [3], [4, 5]]`;"
        " empty keeps them all apart.",
    )
    merges: tuple[Key, ...] = Field(default=(), description="Demographics whose `merges` are applied.")
    drop_undeclared: Switch = Field(
        default=True,
        description="Whether ratings of raters who did not answer a question of the formula are left out;"
        " otherwise `undeclared` is a level of its own.",
    )
    weights: Weights | None = Field(
        default=None, description="Population to which estimates are also weighted; empty for none."
    )


class Simulation(Model):
    """Simulated raters with planted effects, to try a study before any money is spent.

    Effects, standard deviations and weights are on the logit scale; a positive one moves ratings to higher values.
    """

    raters: Whole = Field(ge=1, description="Number of simulated raters.")
    margins: Mapping[Key, Mapping[Code, Annotated[Whole, Field(ge=0)]]] = Field(
        description="How often each answer is given, per demographic; counts, of which the shares are used."
        " `undeclared` may be among the codes."
    )
    effects: Mapping[Key, Mapping[Key, Mapping[Code, Number]]] = Field(
        default={},
        description="Planted effects as log odds: dimension, demographic, code. What is not named has no effect;"
        " the reference level never has one.",
    )
    thresholds: Mapping[Key, tuple[Number, ...]] = Field(
        description="Thresholds between neighbouring scale values, increasing, per dimension."
    )
    rater_sd: Mapping[Key, Annotated[Number, Field(ge=0)]] = Field(
        description="Standard deviation of the raters' random intercepts, per dimension."
    )
    quality: Mapping[Key, Number] = Field(
        description="Weight of the text's quality (standardised over the items), per dimension."
    )
    tastes: Mapping[Key, Mapping[Key, Mapping[Code, Number]]] = Field(
        default={},
        description="What is added to the weight of quality for raters with an answer: dimension, demographic, code."
        " With it groups prefer different texts, where `effects` only make them milder or harsher; the reference level"
        " never has one.",
    )
