"""The section on how groups of raters differ, and how far raters agree at all."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from pluralign.report.blocks import (
    Block,
    Column,
    Details,
    Figure,
    Group,
    Heading,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    table,
)
from pluralign.report.pictures import both_layouts
from pluralign.report.robustness import robustness
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.report.weighting import weighting
from pluralign.stats import figures, figures_of_groups
from pluralign.stats.intersections import FEW_RATERS
from pluralign.stats.labels import relabelled

_REASONS = {
    "not_asked": "(.+) not asked",
    "undeclared": "(.+) undeclared",
    "unlisted": "(.+) not among the study's options",
    "absent": "no (.+)",
}
"""How :mod:`pluralign.stats.model_frame` words why it leaves a rating out."""


def section(sources: Sources) -> Section:
    """How groups differ; only a command to run where nothing has been analysed."""
    say = sources.say
    if "fits" not in sources.analysis:
        return Section("groups", say("groups.title"), (Notice(say("groups.none"), command="pluralign analyze"),))
    blocks: list[Block] = [Paragraph(say("groups.reading"))]
    blocks += _warnings(sources)
    if sources.has_rows("coefficients"):
        blocks += [_significant(sources), *_forest(sources)]
    if sources.has_rows("probabilities"):
        blocks += _probabilities(sources)
    if sources.has_rows("variants"):
        blocks += robustness(sources)
    if sources.has_rows("weighting"):
        blocks += weighting(sources)
    if sources.has_rows("recovery"):
        blocks += _recovery(sources)
    blocks += [_fits(sources), *_all_estimates(sources)]
    return Section("groups", say("groups.title"), tuple(blocks))


def significant(sources: Sources) -> pd.DataFrame:
    """The usable coefficients with p < 0.05 before correction, in the page's language."""
    table = coefficients(sources)
    return table[(table["note"] == "") & (table["p"] < 0.05)]


def coefficients(sources: Sources) -> pd.DataFrame:
    """All coefficients, in the page's language."""
    return relabelled(sources.analysis["coefficients"], sources.labels)


def _significant(sources: Sources) -> Block:
    say, found = sources.say, significant(sources)
    if found.empty:
        return Paragraph(say("groups.nothing"))
    groups = [
        Group([_effect(sources, row) for row in records(part)], str(label))
        for label, part in found.groupby("dimension_label", sort=False)
    ]
    note = say("groups.significant_note")
    if (found["caution"] != "").any():
        note += " " + say("groups.few", number=sources.numbers.count(FEW_RATERS))
    return Table(say("groups.significant"), _effect_columns(sources), groups, note)


def _effect_columns(sources: Sources) -> list[Column]:
    heads = [("groups.level", False), ("groups.reference", False), ("raters", True), ("groups.odds", True)]
    heads += [("interval", True), ("groups.percent", True), ("groups.p", True), ("groups.p_holm", True)]
    return sources.columns(heads)


def _effect(sources: Sources, row: dict[str, Any]) -> Row:
    numbers = sources.numbers
    few = "*" if row["caution"] else ""
    cells = (
        f"{row['level_label']}",
        str(row["reference_label"]) or "–",
        numbers.count(row["raters"]) + few,
        numbers.decimal(row["odds_ratio"]),
        numbers.interval(row["odds_low"], row["odds_high"]),
        numbers.signed_percent(row["percent"]),
        numbers.p(row["p"]),
        numbers.p(row["p_holm"]),
    )
    return Row(cells, strong=bool(row["p_holm"] < 0.05))


def _forest(sources: Sources) -> list[Block]:
    say, table = sources.say, coefficients(sources)
    drawn = both_layouts(lambda layout: figures.forest(table, layout, language=say.language), "forest")
    if not drawn:
        return []
    usable = table[(table["demographic"] != "") & (table["note"] == "")]
    alternative = say("groups.forest_alternative", number=sources.numbers.count(len(usable)))
    return [Figure(say("groups.forest"), alternative, *drawn)]


def _probabilities(sources: Sources) -> list[Block]:
    say = sources.say
    table = relabelled(sources.analysis["probabilities"].assign(reference="", reference_label=""), sources.labels)
    table = table.assign(category_label=[sources.labels.category(int(category)) for category in table["category"]])
    drawn = both_layouts(
        lambda layout: figures_of_groups.probabilities(table, layout, language=say.language), "probabilities"
    )
    figure = Figure(say("groups.probabilities"), say("groups.probabilities_alternative"), *drawn)
    return [Details(say("groups.probabilities_title"), (figure,))]


def _warnings(sources: Sources) -> list[Block]:
    """Fits that failed, are doubtful, or call for care: one notice for all dimensions with the same state and reason.

    The reasons are printed as the model states them.
    """
    fits = sources.analysis["fits"]
    odd = fits[(fits["status"] != "fitted") | (fits["note"] != "")]
    blocks: list[Block] = []
    for (status, note), part in odd.groupby(["status", "note"], sort=False):
        named = ", ".join(sources.labels.dimension(str(key)) for key in part["dimension"])
        text = sources.say(f"groups.status_{status}", dimension=named)
        blocks.append(Notice(text, "plain" if status == "fitted" else "warning", quoted=str(note)))
    return blocks


def _fits(sources: Sources) -> Table:
    say, numbers = sources.say, sources.numbers
    rows = []
    for row in records(sources.analysis["fits"]):
        counts = (numbers.count(row[name]) for name in ("ratings", "raters", "items", "categories", "dropped"))
        label = sources.labels.dimension(str(row["dimension"]))
        rows.append(Row((label, *counts, say(f"groups.{row['status']}"))))
    names = ("ratings", "raters", "groups.items", "groups.categories", "groups.dropped")
    columns = [Column(say("dimension")), *(Column(say(name), True) for name in names), Column(say("groups.status"))]
    formula = sources.study.analysis.formula
    return table(say("groups.fits"), columns, rows, note=say("groups.fits_note", formula=formula))


def _recovery(sources: Sources) -> list[Block]:
    say = sources.say
    found = relabelled(sources.analysis["recovery"], sources.labels)
    planted = found[found["planted"].notna() & (found["planted"] != 0)]
    rest = found[~found.index.isin(planted.index)]
    blocks: list[Block] = [Heading(say("recovery.title")), Paragraph(_recovered(sources, found))]
    if not planted.empty:
        blocks.append(_recovery_table(sources, planted, say("recovery.planted")))
    outside = rest[rest["covered"] == "no"]
    if not outside.empty:
        blocks.append(_recovery_table(sources, outside, say("recovery.outside")))
    return blocks


def _recovered(sources: Sources, found: pd.DataFrame) -> str:
    judged = found[found["covered"].isin(["yes", "no"])]
    effects = judged[judged["planted"] != 0]
    counts = {
        "judged": len(judged),
        "covered": (judged["covered"] == "yes").sum(),
        "effects": len(effects),
        "found": (effects["covered"] == "yes").sum(),
    }
    return sources.say("recovery.sentence", **{name: sources.numbers.count(n) for name, n in counts.items()})


def _recovery_table(sources: Sources, part: pd.DataFrame, caption: str) -> Table:
    say, numbers = sources.say, sources.numbers
    groups = []
    for label, rows in part.groupby("dimension_label", sort=False):
        cells = [
            Row(
                (
                    str(row["level_label"]),
                    numbers.signed(row["planted"]),
                    numbers.signed(row["estimate"]),
                    numbers.interval(row["low"], row["high"], signed=True),
                    say(f"recovery.{str(row['covered']).replace(' ', '_')}"),
                ),
                strong=row["covered"] == "no",
            )
            for row in records(rows)
        ]
        groups.append(Group(cells, str(label)))
    heads = [("groups.level", False), ("recovery.planted_value", True), ("recovery.estimate", True)]
    heads += [("interval", True), ("recovery.covered", False)]
    return Table(caption, sources.columns(heads), groups, say("recovery.note"))


def _all_estimates(sources: Sources) -> list[Block]:
    say = sources.say
    blocks: list[Block] = []
    if sources.has_rows("coefficients"):
        for label, part in coefficients(sources).groupby("dimension_label", sort=False):
            groups = [
                Group([_effect(sources, row) for row in records(rows)], str(name))
                for name, rows in part.groupby("demographic_label", sort=False)
            ]
            blocks.append(Table(str(label), _effect_columns(sources), groups))
    if sources.has_rows("parameters"):
        blocks.append(_parameters(sources))
    if sources.has_rows("dropped"):
        blocks.append(_dropped(sources))
    return [Details(say("groups.everything"), tuple(blocks))] if blocks else []


def _parameters(sources: Sources) -> Table:
    say, numbers = sources.say, sources.numbers
    groups = []
    for dimension, part in sources.analysis["parameters"].groupby("dimension", sort=False):
        rows = [
            Row(
                (
                    say(f"groups.{row['kind']}", term=row["term"]),
                    numbers.signed(row["estimate"]) if row["kind"] == "threshold" else numbers.decimal(row["estimate"]),
                    numbers.decimal(row["std_error"]),
                    numbers.interval(row["low"], row["high"], signed=row["kind"] == "threshold"),
                )
            )
            for row in records(part)
        ]
        groups.append(Group(rows, sources.labels.dimension(str(dimension))))
    heads = [("groups.parameter", False), ("recovery.estimate", True), ("groups.std_error", True), ("interval", True)]
    return Table(say("groups.parameters"), sources.columns(heads), groups, say("groups.parameters_note"))


def _dropped(sources: Sources) -> Table:
    groups = [
        Group(
            [
                Row((_reason(sources, str(row["reason"])), sources.numbers.count(row["ratings"])))
                for row in records(part)
            ],
            sources.labels.dimension(str(dimension)),
        )
        for dimension, part in sources.analysis["dropped"].groupby("dimension", sort=False)
    ]
    columns = (Column(sources.say("groups.reason")), Column(sources.say("ratings"), True))
    return Table(sources.say("groups.left_out"), columns, groups)


def _reason(sources: Sources, reason: str) -> str:
    """Why a rating is not in a model, in the page's language; the reason as it stands where its form is not known."""
    for key, form in _REASONS.items():
        if match := re.fullmatch(form, reason):
            return sources.say(f"reasons.{key}", what=sources.labels.demographic(match[1]))
    return reason
