"""Estimates weighted to a population, beside those of the raters as they are."""

from __future__ import annotations

from pluralign.report.blocks import Block, Group, Heading, Notice, Paragraph, Row, Table
from pluralign.report.rows import records
from pluralign.report.sources import Sources


def weighting(sources: Sources) -> list[Block]:
    """What the weights cost, and what changes under them."""
    say, numbers = sources.say, sources.numbers
    cost = sources.analysis["weighting"].iloc[0]
    sentence = say(
        "weighting.cost",
        raters=numbers.count(cost["raters"]),
        effective=numbers.count(cost["effective_raters"]),
        effect=numbers.decimal(cost["design_effect"]),
        smallest=numbers.decimal(cost["smallest"]),
        largest=numbers.decimal(cost["largest"]),
    )
    warnings = str(cost["warnings"]) if isinstance(cost["warnings"], str) else ""
    warned = [Notice(say("weighting.care"), "warning", quoted=warnings)] if warnings else []
    return [Heading(say("weighting.title")), Paragraph(sentence), *warned, _estimates(sources)]


def _estimates(sources: Sources) -> Table:
    """Means and log odds per dimension; shares of single categories are in the CSV file."""
    say, numbers = sources.say, sources.numbers
    found = sources.analysis["weighted"]
    groups = []
    for key, part in found[found["quantity"] != "share"].groupby("dimension", sort=False):
        rows = []
        for row in records(part):
            is_mean = row["quantity"] == "mean"
            cells = [say("weighting.mean") if is_mean else str(row["term"])]
            for side in ("unweighted", "weighted"):
                estimate = numbers.decimal(row[side]) if is_mean else numbers.signed(row[side])
                cells += [estimate, numbers.decimal(row[f"{side}_error"])]
            rows.append(Row([*cells, numbers.signed(row["difference"])]))
        groups.append(Group(rows, sources.labels.dimension(str(key))))
    heads = [("weighting.estimate", False), ("weighting.unweighted", True), ("weighting.error", True)]
    heads += [("weighting.weighted", True), ("weighting.error", True), ("weighting.difference", True)]
    return Table(say("weighting.table"), sources.columns(heads), groups, say("weighting.note"))
