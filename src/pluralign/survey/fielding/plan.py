"""How a study is fielded: places per item, leases, who is screened for what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pluralign.study import Study
from pluralign.study.names import names_in_expression

Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What assignment and quotas go by.

    ``ratings_per_item``: raters wanted for each item; ``lease``: time for one item before its place is given on;
    ``patience``: time without a sign after which a participant's places are given on; ``coverage``: demographic by
    whose answers raters are spread over the items; ``per_cell``: raters of one such answer wanted for each item;
    ``pairs``: whether both responses to a prompt go to one rater; ``demographics``: whether people are asked about
    themselves after the items or before; ``tasks``: what may also be written about an item, ``edit`` (a better version
    of the response) and ``craft`` (an answer of one's own).
    """

    ratings_per_item: int
    lease: timedelta = timedelta(minutes=30)
    patience: timedelta = timedelta(hours=2)
    coverage: str | None = None
    per_cell: int | None = None
    pairs: bool = False
    demographics: Literal["after", "before"] = "after"
    tasks: tuple[str, ...] = ()

    @classmethod
    def of(cls, study: Study, n_items: int) -> Plan:
        """What the study file asks for; without a number of ratings per item, places for every rater wanted."""
        fielding, coverage = study.fielding, study.fielding.coverage
        wanted = study.recruitment.target * study.items_per_rater if study.recruitment else n_items
        return cls(
            ratings_per_item=fielding.ratings_per_item or max(1, math.ceil(wanted / n_items)),
            lease=timedelta(minutes=fielding.lease_minutes),
            patience=timedelta(minutes=fielding.patience_minutes),
            coverage=coverage.demographic if coverage else None,
            per_cell=coverage.raters if coverage else None,
            pairs=fielding.pairs,
            demographics=fielding.demographics,
            tasks=fielding.tasks,
        )


def screened_questions(study: Study, plan: Plan) -> tuple[str, ...]:
    """Demographics that must be known before the first item, in the order asked.

    They are those that decide who may take part, those of quotas and of coverage, and those on which an answer offered
    to one of these hangs.
    """
    recruitment = study.recruitment
    needed = {plan.coverage} if plan.coverage else set()
    if recruitment is not None:
        needed |= {key for quota in recruitment.quotas for key in quota.where}
        needed |= set(names_in_expression(recruitment.eligible)) if recruitment.eligible else set()
    # An option hangs on earlier questions only, so that one way back through them finds all.
    for question in reversed(study.demographics):
        if question.key in needed:
            needed |= {key for option in question.options for key in option.when}
    return tuple(key for key in study.demographic_keys if key in needed)


def open_questions(study: Study, plan: Plan) -> tuple[str, ...]:
    """Demographics that decide about nothing; asked after the last item, or before the first where the plan says so."""
    asked = screened_questions(study, plan)
    return tuple(key for key in study.demographic_keys if key not in asked)
