"""Whether the findings about groups hold when the analysis is done a little differently."""

from __future__ import annotations

import pandas as pd

from pluralign.report.blocks import Block, Column, Group, Heading, Paragraph, Row, Table, table
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.stats.labels import relabelled


def robustness(sources: Sources) -> list[Block]:
    """A table of variants, and one of the findings that change."""
    say = sources.say
    found = relabelled(sources.analysis["sensitivity"], sources.labels)
    blocks: list[Block] = [Heading(say("robust.title")), Paragraph(say("robust.reading")), _variants(sources, found)]
    changed = found[found["verdict"] != "same"]
    return [*blocks, _changed(sources, changed)] if not changed.empty else blocks


def _variants(sources: Sources, found: pd.DataFrame) -> Table:
    say, count = sources.say, sources.numbers.count
    rows = []
    for name, fits in sources.analysis["variants"].groupby("variant", sort=False):
        part = found[found["variant"] == name]
        verdicts = part["verdict"].value_counts()
        cells = [say(f"robust.{str(name).replace(' ', '_')}"), count(fits["left_out"].max())]
        cells += [f"{count((fits['status'] == 'fitted').sum())}/{count(len(fits))}", count(len(part))]
        cells += [count(verdicts.get(verdict, 0)) for verdict in ("lost", "gained", "reversed")]
        rows.append(Row([*cells, sources.numbers.decimal(part["shift"].abs().median())]))
    names = ("left_out", "fitted", "compared", "lost", "gained", "reversed", "shift")
    columns = [Column(say("robust.variant")), *(Column(say(f"robust.{name}"), True) for name in names)]
    return table(say("robust.table"), columns, rows, say("robust.note"))


def _changed(sources: Sources, changed: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    groups = []
    for name, part in changed.groupby("variant", sort=False):
        rows = [
            Row(
                (
                    f"{row['dimension_label']}: {row['level_label']}",
                    numbers.signed(row["main_estimate"]),
                    numbers.p(row["main_p"]),
                    numbers.signed(row["estimate"]),
                    numbers.p(row["p"]),
                    say(f"robust.{row['verdict']}"),
                )
            )
            for row in records(part)
        ]
        groups.append(Group(rows, say(f"robust.{str(name).replace(' ', '_')}")))
    heads = [("groups.level", False), ("robust.main", True), ("groups.p", True), ("robust.varied", True)]
    heads += [("groups.p", True), ("robust.verdict", False)]
    return Table(say("robust.changed"), sources.columns(heads), groups, say("robust.changed_note"))
