"""Who is served: what groups of raters would say of each model, and what safety costs in inclusion."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.report.blocks import Block, Column, Details, Figure, Group, Heading, Paragraph, Row, Table, table
from pluralign.report.frontiers import frontier_figure
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.stats.plotting import house_style, svg, with_own_ids
from pluralign.study import Experiment


def frontier(sources: Sources, experiment: Experiment) -> list[Block]:
    """Safety against inclusion for the conditions of an experiment; nothing where there is one condition or none."""
    found = sources.evaluation.get("frontier")
    if found is None or (found["experiment"] == experiment.key).sum() < 1:
        return []
    say, numbers = sources.say, sources.numbers
    part = found[found["experiment"] == experiment.key]
    names = {side: sources.labels.dimension(str(part.iloc[0][side])) for side in ("safety", "inclusion")}
    axes = {side: say("frontier.axis", dimension=name) for side, name in names.items()}
    with house_style():
        drawn = svg(frontier_figure(part, axes["safety"], axes["inclusion"], say("models.base")))
    figure = Figure(
        say("frontier.figure"), say("frontier.alternative"), with_own_ids(drawn, f"frontier-{experiment.key}")
    )
    rows = []
    for row in records(part):
        cells = [str(row["condition"])]
        for side in ("safety", "inclusion"):
            cells.append(numbers.signed(row[f"{side}_gain"]))
            cells.append(numbers.interval(row[f"{side}_low"], row[f"{side}_high"], signed=True))
        rows.append(Row([*cells, say("frontier.yes" if row["undominated"] else "frontier.no")]))
    columns = [Column(say("condition"))]
    for side in ("safety", "inclusion"):
        columns += [Column(say("frontier.gain", dimension=names[side]), True), Column(say("interval"), True)]
    columns.append(Column(say("frontier.undominated")))
    return [figure, table(say("frontier.table"), columns, rows)]


def section(sources: Sources) -> list[Block]:
    """Expected ratings of the tuned models by group of raters, and how far groups lie apart."""
    found, spread = (sources.evaluation.get(name) for name in ("served", "spread"))
    if found is None or spread is None or found.empty:
        return []
    say = sources.say
    aims = {experiment.key: set(experiment.objective) for experiment in sources.study.experiments}
    aimed = [row["dimension"] in aims.get(str(row["experiment"]), set()) for row in records(spread)]
    blocks: list[Block] = [Heading(say("served.title")), Paragraph(say("served.reading"))]
    if any(aimed):
        blocks.append(_spread(sources, spread[aimed]))
    blocks.append(Details(say("served.all"), tuple(_groups(sources, part) for _, part in _parts(found))))
    return blocks


def _parts(found: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    return list(found.groupby(["experiment", "dimension"], sort=False))


def _spread(sources: Sources, spread: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    groups = []
    for (experiment, condition, dimension), part in spread.groupby(
        ["experiment", "condition", "dimension"], sort=False
    ):
        rows = []
        for row in records(part):
            key = str(row["demographic"])
            worst, best = (sources.labels.merged_level(key, str(row[name])) for name in ("worst_label", "best_label"))
            cells = [sources.labels.demographic(key), worst, numbers.decimal(row["worst"])]
            cells += [numbers.interval(row["worst_low"], row["worst_high"]), best, numbers.decimal(row["spread"])]
            cells += [numbers.interval(row["spread_low"], row["spread_high"]), numbers.signed(row["spread_change"])]
            cells += [numbers.interval(row["spread_change_low"], row["spread_change_high"], signed=True)]
            clear = row["spread_change_low"] > 0 or row["spread_change_high"] < 0
            rows.append(Row(cells, strong=bool(clear)))
        groups.append(Group(rows, f"{experiment} / {condition}: {sources.labels.dimension(str(dimension))}"))
    heads = [("served.demographic", False), ("served.worst", False), ("served.expected", True), ("interval", True)]
    heads += [("served.best", False), ("served.spread", True), ("interval", True), ("served.spread_change", True)]
    heads.append(("interval", True))
    return Table(say("served.spread_table"), sources.columns(heads), groups, say("served.spread_note"))


def _groups(sources: Sources, part: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    first = part.iloc[0]
    groups = []
    for (condition, demographic), lines in part.groupby(["condition", "demographic"], sort=False):
        rows = [
            Row(
                [
                    sources.labels.merged_level(str(demographic), str(row["group_label"])),
                    numbers.count(row["raters"]),
                    numbers.decimal(row["base"]),
                    numbers.decimal(row["tuned"]),
                    numbers.interval(row["low"], row["high"]),
                    numbers.signed(row["difference"]),
                    numbers.interval(row["difference_low"], row["difference_high"], signed=True),
                ],
                strong=bool(row["worst"]),
            )
            for row in records(lines)
        ]
        groups.append(Group(rows, f"{condition}: {sources.labels.demographic(str(demographic))}"))
    caption = f"{first['experiment']}: {sources.labels.dimension(str(first['dimension']))}"
    heads = [("groups.level", False), ("raters", True), ("models.base", True), ("models.tuned", True)]
    heads += [("interval", True), ("models.difference", True), ("interval", True)]
    return Table(caption, sources.columns(heads), groups, say("served.note"))
