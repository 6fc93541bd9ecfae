"""Conditions against each other: differences, ratios, regrouped raters, and what the follow-up study published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pluralign.evaluation import ratios
from pluralign.report.blocks import Block, Column, Group, Row, Table, table
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.study import Condition, Experiment

_WHY = {ratios.NO_DENOMINATOR: "no_denominator", ratios.WRONG_WAY: "wrong_way", ratios.TOO_FEW: "too_few"}
_TESTED = "tested"

PUBLISHED = {
    "whose": ("liberal", "white", "female"),
    "scale": ("scale",),
    "disagreement": ("disagreement",),
}
"""Figures that the follow-up study published, by what its experiment varied; their texts are in the wording."""


def contrasts(sources: Sources, experiment: Experiment, part: pd.DataFrame, heading: Any) -> list[Block]:
    """The tables of one experiment's contrasts. ``heading`` gives the heading of a dimension's rows."""
    blocks: list[Block] = [_table(sources, part, heading)]
    if (regrouped := sources.evaluation.get("permutation")) is not None:
        mine = regrouped[regrouped["experiment"] == experiment.key]
        blocks += [] if mine.empty else [_regrouped(sources, mine)]
    return [*blocks, *_published(sources, experiment, part)]


def ratio(sources: Sources, row: dict[str, Any]) -> str:
    """By how many per cent one condition moved the models further, with its interval; else why that is not said."""
    if row.get("ratio_status") != ratios.GIVEN:
        return sources.say(f"contrasts.{_WHY.get(str(row.get('ratio_status')), 'too_few')}")
    numbers = sources.numbers
    ends = [numbers.signed_percent(row[f"ratio_percent_{end}"], 0) for end in ("low", "high")]
    return f"{numbers.signed_percent(row['ratio_percent'], 0)} ({ends[0]} … {ends[1]})"


def _table(sources: Sources, part: pd.DataFrame, heading: Any) -> Table:
    say, numbers = sources.say, sources.numbers
    simulated = "true_difference" in part
    groups = []
    for _, rows in part.groupby("dimension", sort=False):
        lines = []
        for row in records(rows):
            cells = [_named(sources, row, "−"), numbers.signed(row["difference"])]
            cells += [numbers.interval(row["low"], row["high"], signed=True)]
            cells += [numbers.signed(row["true_difference"])] if simulated else []
            cells += [numbers.signed(row["effect"]), numbers.p(row["p_holm"]), ratio(sources, row)]
            cells += [say("contrasts.claimed" if row["claimed"] else "contrasts.not_claimed")]
            lines.append(Row([*cells, say(f"judge.{row['judge_verdict']}")], strong=bool(row["claimed"])))
        groups.append(Group(lines, heading(sources, rows)))
    heads = [("models.contrast", False), ("models.difference", True), ("interval", True)]
    heads += [("models.true", True)] if simulated else []
    heads += [("contrasts.effect", True), ("contrasts.p", True), ("contrasts.more", True), ("contrasts.claim", False)]
    heads.append(("judge.verdict", False))
    return Table(say("models.contrasts"), sources.columns(heads), groups, say("contrasts.note"))


def _regrouped(sources: Sources, part: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    rows = []
    for row in records(part):
        name = _named(sources, row, "/")
        if row["status"] != _TESTED:
            rows.append(Row([f"{name}: {row['status']}", *["–"] * 5]))
            continue
        sizes = f"{numbers.count(row['raters'])} / {numbers.count(row['raters_against'])}"
        cells = [name, sizes, numbers.count(row["pairs"]), numbers.decimal(row["distance"], 3)]
        rows.append(Row([*cells, numbers.decimal(row["expected"], 3), numbers.p(row["p"])]))
    heads = ("raters", "contrasts.pairs", "contrasts.distance", "contrasts.expected", "contrasts.regrouped_p")
    columns = [Column(say("models.contrast")), *(Column(say(head), True) for head in heads)]
    return table(say("contrasts.regrouped"), columns, rows, say("contrasts.regrouped_note"))


def _named(sources: Sources, row: dict[str, Any], sign: str) -> str:
    """Both conditions with ``sign`` between them; a placebo is said to be one."""
    name = f"{row['condition']} {sign} {row['against']}"
    return f"{name} ({sources.say('contrasts.placebo')})" if row["placebo"] else name


def _published(sources: Sources, experiment: Experiment, part: pd.DataFrame) -> list[Block]:
    """Our contrasts of the dimensions that the follow-up study reports, and its figures in a column of their own."""
    varied = {kind for row in records(part) if (kind := _kind(experiment, row))}
    if not varied or part.empty:
        return []
    say, numbers = sources.say, sources.numbers
    rows = []
    for row in records(part[part["dimension"].isin(["toxicity", "emotional_awareness"]) | part["in_objective"]]):
        name = f"{row['condition']} − {row['against']}, {sources.labels.dimension(str(row['dimension']))}"
        interval = numbers.interval(row["low"], row["high"], signed=True)
        cells = [name, f"{numbers.signed(row['difference'])} ({interval})", ratio(sources, row)]
        rows.append(Row([*cells, _counterpart(sources, experiment, row)]))
    for kind in sorted(varied & {"whose"}):
        rows += [Row([say(f"published.{name}"), "–", "–", say(f"published.{name}_figure")]) for name in PUBLISHED[kind]]
    heads = (("models.contrast", False), ("published.ours", True), ("published.ours_more", True))
    columns = sources.columns([*heads, ("published.theirs", False)])
    return [table(say("published.table"), columns, rows, say("published.note"))]


def _counterpart(sources: Sources, experiment: Experiment, row: dict[str, Any]) -> str:
    """What was published of the very same comparison; a dash where nothing was."""
    first, second = (experiment.condition(str(row[name])) for name in ("condition", "against"))
    same: Sequence[tuple[str, bool]] = (
        ("scale", (first.scale, second.scale) == (5, 2)),
        ("disagreement", (first.policy, second.policy) == ("preserve", "majority")),
    )
    kind = _kind(experiment, row)
    if str(row["dimension"]) != "toxicity" or not any(name == kind and holds for name, holds in same):
        return "–"
    return sources.say(f"published.{kind}_figure")


def _kind(experiment: Experiment, row: dict[str, Any]) -> str:
    """What two conditions differ in, where the follow-up study varied the same; else empty."""
    first, second = (experiment.condition(str(row[name])) for name in ("condition", "against"))
    differing = {name for name in Condition.model_fields if getattr(first, name) != getattr(second, name)} - {"key"}
    read_by_one_policy = {"ties", "comparisons", "rows", "groups", "leniency"}
    if differing == {"whose"}:
        return "whose"
    if "scale" in differing and differing <= {"scale", "neutral"}:
        return "scale"
    if "policy" in differing and differing <= {"policy", *read_by_one_policy}:
        return "disagreement"
    return ""
