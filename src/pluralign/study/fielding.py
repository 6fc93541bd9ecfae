"""How ratings are collected: places per item, leases, who is spread over the items, what else is asked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pluralign.study.base import Key, Model, Number, Switch, Whole


class Coverage(Model):
    """Raters of every group for every item. The question is asked before the first item."""

    demographic: Key = Field(description="Demographic whose answers are the groups.")
    raters: Whole = Field(ge=1, description="Raters of each group wanted for each item, at most.")


class Fielding(Model):
    """How the survey hands out items."""

    ratings_per_item: Whole | None = Field(
        default=None,
        ge=1,
        description="Raters wanted for each item, never exceeded; empty for enough places for every rater wanted.",
    )
    lease_minutes: Number = Field(
        default=30, gt=0, description="Time for one item before its place may be given to somebody else."
    )
    patience_minutes: Number = Field(
        default=120, gt=0, description="Silence after which a participant's places may be given to somebody else."
    )
    pairs: Switch = Field(
        default=False,
        description="Whether a rater is given both responses to a prompt where there is room, so that preferences"
        " can be formed within one rater.",
    )
    coverage: Coverage | None = Field(default=None, description="Raters of every group for every item.")
    demographics: Literal["after", "before"] = Field(
        default="after",
        description="Whether raters are asked about themselves after the last item or before the first. What quotas or"
        " coverage go by is asked first in any case.",
    )
    tasks: tuple[Literal["edit", "craft"], ...] = Field(
        default=(),
        description="What raters may also write about each item: `edit` a response, `craft` one of their own.",
    )
