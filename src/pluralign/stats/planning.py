"""A plan: power, detectable effects and costs by number of raters, as a table and a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralign.stats.costs import Rates
from pluralign.stats.labels import Labels
from pluralign.stats.plotting import ACCENT, INK, MUTED, RULE, bare
from pluralign.stats.power import Count, Sensitivity, detectable, power_at, raters_needed
from pluralign.stats.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAN_COLUMNS = (
    "raters",
    "in_group",
    "ratings",
    "std_error",
    "power",
    "power_low",
    "power_high",
    "detectable",
    "detectable_percent",
    "pay",
    "fee",
    "total",
    "currency",
)
_STEPS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """How many raters are needed, and what other numbers of raters would give.

    ``needed`` has the ends of its 95 % Monte Carlo interval beside it. ``table`` has the columns ``PLAN_COLUMNS``, one
    row per number of raters: ``power_low`` and ``power_high`` are the Monte Carlo interval of the power, ``detectable``
    the smallest effect (log odds) found with the power asked for, ``detectable_percent`` the same as a change of odds;
    costs are empty without rates. ``checks`` are the brute force, if any was made.
    """

    scenario: Scenario
    sensitivity: Sensitivity
    power: float
    alpha: float
    needed: int
    needed_low: int
    needed_high: int
    table: pd.DataFrame
    checks: tuple[Count, ...]
    warnings: tuple[str, ...]


def make_plan(
    scenario: Scenario,
    found: Sensitivity,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    rates: Rates | None = None,
    raters: Sequence[int] = (),
    checks: tuple[Count, ...] = (),
) -> Plan:
    """Put together what the simulations ``found``; the table has rows around the number needed, and for ``raters``."""
    needed, low, high = raters_needed(found, scenario.effect, power, alpha)
    rows = sorted({needed, *raters, *(_round(needed * step) for step in _STEPS if step != 1)})
    return Plan(
        scenario=scenario,
        sensitivity=found,
        power=power,
        alpha=alpha,
        needed=needed,
        needed_low=low,
        needed_high=high,
        table=_table(scenario, found, np.array(rows, dtype=float), power, alpha, rates),
        checks=checks,
        warnings=(*found.warnings, *_disagreeing(scenario, found, checks, alpha), *(rates.warnings if rates else ())),
    )


def plan_figure(plan: Plan, labels: Labels) -> Figure:
    """The power curve with its Monte Carlo interval, the number needed, and the brute force where it was made."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    axes = figure.subplots()
    most = float(plan.table["raters"].max())
    raters = np.linspace(most / 200, most, 200)
    curve, low, high = power_at(plan.sensitivity, plan.scenario.effect, raters, plan.alpha)
    axes.fill_between(raters, 100 * low, 100 * high, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(raters, 100 * curve, color=ACCENT, linewidth=1.8)
    for check in plan.checks:
        axes.plot([check.raters] * 2, [100 * check.low, 100 * check.high], color=INK, linewidth=1.2)
        axes.plot(check.raters, 100 * check.power, marker="D", color=INK, markersize=5, zorder=4)
    _mark_needed(axes, plan)
    axes.set_xlim(0, most)
    axes.set_ylim(0, 100)
    axes.set_xlabel("raters")
    axes.set_ylabel("power, %")
    scenario = plan.scenario
    group = labels.merged_level(scenario.demographic, scenario.level)
    axes.set_title(
        f"{labels.dimension(scenario.dimension)}: {group}\n"
        f"log odds {scenario.effect:+.2f}, {100 * scenario.share:.1f} % of the raters",
        fontsize=9,
        color=INK,
        loc="left",
    )
    bare(axes)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    return figure


def content(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON object, with null where there is no number."""
    scenario = plan.scenario
    return {
        **{name: getattr(scenario, name) for name in ("dimension", "demographic", "level", "effect", "share", "items")},
        **{name: getattr(plan, name) for name in ("power", "alpha", "needed", "needed_low", "needed_high")},
        "simulations": asdict(plan.sensitivity),
        "checks": [
            {**asdict(check), "power": check.power, "low": check.low, "high": check.high} for check in plan.checks
        ],
        "warnings": list(plan.warnings),
        "table": plan.table.astype(object).where(plan.table.notna(), None).to_dict("records"),
    }


def _table(
    scenario: Scenario, found: Sensitivity, raters: np.ndarray, power: float, alpha: float, rates: Rates | None
) -> pd.DataFrame:
    curve, low, high = power_at(found, scenario.effect, raters, alpha)
    smallest = detectable(found, raters, power, alpha)
    table = pd.DataFrame(
        {
            "raters": raters.astype(int),
            "in_group": np.round(raters * scenario.share).astype(int),
            "ratings": raters.astype(int) * scenario.study.items_per_rater,
            "std_error": found.unit_error / np.sqrt(raters),
            "power": curve,
            "power_low": low,
            "power_high": high,
            "detectable": smallest,
            "detectable_percent": 100 * np.expm1(smallest),
        }
    )
    pay = [rates.pay(number) if rates else np.nan for number in table["raters"]]
    total = [rates.total(number) if rates else np.nan for number in table["raters"]]
    costs = {"pay": pay, "fee": np.subtract(total, pay), "total": total, "currency": rates.currency if rates else None}
    return table.assign(**costs)[list(PLAN_COLUMNS)]


def _round(number: float) -> int:
    """To two digits, so that the table reads well; at least 10."""
    unit = int(10 ** max(math.floor(math.log10(max(number, 1))) - 1, 0))
    return max(unit * round(number / unit), 10)


def _disagreeing(scenario: Scenario, found: Sensitivity, checks: tuple[Count, ...], alpha: float) -> list[str]:
    out = []
    for check in checks:
        curve, low, high = (
            float(v[0]) for v in power_at(found, scenario.effect, np.array([float(check.raters)]), alpha)
        )
        if high < check.low or low > check.high:
            out.append(
                f"With {check.raters} raters {check.found} of {check.studies} simulated studies found the effect "
                f"({100 * check.low:.0f} to {100 * check.high:.0f} %), but the curve says {100 * curve:.0f} %; trust "
                "the count."
            )
    return out


def _mark_needed(axes: Axes, plan: Plan) -> None:
    target = 100 * plan.power
    axes.plot([0, plan.needed, plan.needed], [target, target, 0], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.plot(plan.needed, target, marker="o", color=ACCENT, markersize=6)
    said = [f"{plan.needed:,} raters ({plan.needed_low:,} to {plan.needed_high:,})"]
    said += [f"{check.raters:,} raters: found by {check.found} of {check.studies}" for check in plan.checks]
    axes.annotate(
        "\n".join(said),
        (plan.needed, target),
        xytext=(10, -6),
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color=INK,
    )
