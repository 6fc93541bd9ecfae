"""The section on how far raters agree, where they disagree, and what they find together in one response."""

from __future__ import annotations

import pandas as pd

from pluralign.report.blocks import (
    Block,
    Column,
    Details,
    Figure,
    Group,
    Heading,
    Note,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    table,
)
from pluralign.report.pictures import both_layouts
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.stats import figures_of_groups, figures_of_items
from pluralign.stats.labels import relabelled


def section(sources: Sources) -> Section:
    """How far raters disagree; only a command to run where nothing has been analysed."""
    say = sources.say
    title = say("disagreement.title")
    if "agreement" not in sources.analysis:
        return Section("disagreement", title, (Notice(say("groups.none"), command="pluralign analyze"),))
    blocks: list[Block] = [Paragraph(say("disagreement.reading"))]
    if sources.has_rows("agreement"):
        blocks.append(_agreement(sources))
    if sources.has_rows("agreement_groups"):
        blocks.append(Details(say("agreement.groups"), (_by_group(sources),)))
    if sources.has_rows("disagreement"):
        blocks += [Heading(say("disagreement.items")), *_items(sources)]
    if sources.has_rows("example"):
        blocks += _example(sources)
    if sources.has_rows("overlap") and sources.analysis["overlap"]["first"].nunique() > 1:
        blocks += [Heading(say("overlap.title")), *_overlap(sources)]
    return Section("disagreement", title, tuple(blocks))


def _agreement(sources: Sources) -> Table:
    say, numbers = sources.say, sources.numbers
    rows = []
    for row in records(sources.analysis["agreement"]):
        counts = (numbers.count(row[name]) for name in ("items", "raters", "ratings"))
        rows.append(Row((sources.labels.dimension(row["dimension"]), numbers.decimal(row["alpha"]), *counts)))
    heads = [("dimension", False), ("agreement.alpha", True), ("people.rated", True)]
    heads += [("raters", True), ("ratings", True)]
    return table(say("agreement.table"), sources.columns(heads), rows, say("agreement.note"))


def _by_group(sources: Sources) -> Table:
    """A row per group (within) and per two groups (between), a column per dimension."""
    say, numbers = sources.say, sources.numbers
    found = sources.analysis["agreement_groups"]
    dimensions = list(dict.fromkeys(found["dimension"]))
    groups = []
    for demographic, part in found.groupby("demographic", sort=False):
        rows = []
        for (level, other), cells in part.groupby(["level", "other"], sort=False):
            names = [
                sources.labels.level_in_model(str(demographic), str(code)) for code in dict.fromkeys((level, other))
            ]
            alpha = dict(zip(cells["dimension"], cells["alpha"], strict=True))
            shown = [numbers.decimal(alpha.get(dimension)) for dimension in dimensions]
            rows.append(Row((" – ".join(names), *shown), strong=level == other))
        groups.append(Group(rows, sources.labels.demographic(str(demographic))))
    columns = [Column(say("groups.level")), *(Column(sources.labels.dimension(key), True) for key in dimensions)]
    return Table(say("agreement.groups_table"), columns, groups, say("agreement.groups_note"))


def _items(sources: Sources) -> list[Block]:
    say, numbers = sources.say, sources.numbers
    rows = []
    for row in records(sources.analysis["disagreement_summary"]):
        cells = [sources.labels.dimension(row["dimension"]), numbers.count(row["items"])]
        cells += [numbers.decimal(row["ratings_per_item"], 1), numbers.decimal(row["entropy"])]
        cells += [numbers.decimal(row["polarisation"]), numbers.count(row["unanimous"])]
        rows.append(Row([*cells, numbers.count(row["contested"]), str(row["most_contested"])]))
    names = ("items_counted", "per_item", "entropy", "polarisation", "unanimous", "contested", "most_contested")
    columns = [Column(say("dimension"))]
    columns += [Column(say(f"disagreement.{name}"), name != "most_contested") for name in names]
    labelled = sources.analysis["disagreement"]
    labelled = labelled.assign(dimension_label=[sources.labels.dimension(key) for key in labelled["dimension"]])
    drawn = both_layouts(
        lambda layout: figures_of_items.disagreement(labelled, layout, language=say.language), "disagreement"
    )
    blocks: list[Block] = []
    if drawn:
        caption, alternative = say("disagreement.figure"), say("disagreement.alternative")
        blocks.append(Figure(caption, alternative, *drawn))
    return [*blocks, table(say("disagreement.table"), columns, rows, say("disagreement.note"))]


def _example(sources: Sources) -> list[Block]:
    say, found = sources.say, sources.analysis["example"]
    item = str(found["item"].iloc[0])
    labelled = relabelled(found.assign(reference="", reference_label=""), sources.labels)
    drawn = both_layouts(lambda layout: figures_of_groups.example(labelled, layout, language=say.language), "example")
    if not drawn:
        return []
    number = found.groupby(["dimension", "demographic"])["ratings"].sum().max()
    caption = say("disagreement.example", item=item, number=sources.numbers.count(number))
    return [Details(say("disagreement.example_title"), (Figure(caption, caption, *drawn),))]


def _overlap(sources: Sources) -> list[Block]:
    say, labels, numbers = sources.say, sources.labels, sources.numbers
    found = sources.analysis["overlap"]
    found = found.assign(
        first_label=[labels.dimension(key) for key in found["first"]],
        second_label=[labels.dimension(key) for key in found["second"]],
    )
    drawn = both_layouts(lambda layout: figures_of_items.overlap(found, layout, say.language), "overlap")
    blocks: list[Block] = [Paragraph(say("overlap.reading", value=_agreeing(sources)))]
    if drawn:
        blocks.append(Figure(say("overlap.figure"), say("overlap.alternative"), *drawn))
    rows = []
    for row in records(_each_once(found)):
        cells = [
            f"{row['first_label']} + {row['second_label']}",
            numbers.count(row["both"]),
            numbers.count(row["rated"]),
        ]
        cells += [numbers.percent(row["percent"]), numbers.interval(row["low"], row["high"], 1)]
        rows.append(Row([*cells, numbers.percent(row["expected"])]))
    heads = [("overlap.pair", False), ("overlap.both", True), ("ratings", True), ("overlap.share", True)]
    heads += [("interval", True), ("overlap.expected", True)]
    whole = Table(say("overlap.table"), sources.columns(heads), (Group(rows),))
    return [*blocks, Details(say("overlap.numbers"), (whole, Note(say("overlap.note"))))]


def _each_once(found: pd.DataFrame) -> pd.DataFrame:
    """Every two different dimensions once, the most frequent pair first."""
    order = {key: place for place, key in enumerate(dict.fromkeys(found["first"]))}
    once = found["first"].map(order) < found["second"].map(order)
    return found[once].sort_values("percent", ascending=False, kind="stable")


def _agreeing(sources: Sources) -> str:
    """The scale values that count as finding something."""
    values = [value for value in range(1, sources.study.points + 1) if value > (sources.study.points + 1) / 2]
    return ", ".join(sources.labels.value(value) for value in values)
