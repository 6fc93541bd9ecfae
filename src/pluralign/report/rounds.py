"""The section on what people say of the tuned models, once a survey round has come back."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.report.blocks import Block, Group, Heading, Paragraph, Row, Section, Table
from pluralign.report.policies import experiment_title
from pluralign.report.rows import records
from pluralign.report.sources import Sources


def section(sources: Sources) -> Section:
    """People's ratings of the models' responses, beside the judge's of the same ones."""
    say = sources.say
    blocks: list[Block] = [Paragraph(say("rounds.reading"))]
    assert sources.rounds is not None
    for name, rows in sources.rounds.groupby("round", sort=False):
        blocks.append(Heading(say("rounds.round", name=name)))
        blocks += [_table(sources, str(key), part) for key, part in rows.groupby("experiment", sort=False)]
    return Section("rounds", say("rounds.title"), tuple(blocks))


def _table(sources: Sources, experiment: str, part: pd.DataFrame) -> Table:
    say = sources.say
    groups = [
        Group([_row(sources, row) for row in records(rows)], sources.labels.dimension(str(dimension)))
        for dimension, rows in part.groupby("dimension", sort=False)
    ]
    heads = [("condition", False), ("models.base", True), ("models.tuned", True), ("models.difference", True)]
    heads += [("interval", True), ("rounds.judge", True), ("rounds.raters", True), ("ratings", True)]
    columns = sources.columns(heads)
    title = experiment_title(sources, sources.study.experiment(experiment))
    return Table(say("rounds.table", experiment=title), columns, groups, say("rounds.note"))


def _row(sources: Sources, row: dict[str, Any]) -> Row:
    numbers = sources.numbers
    cells = [str(row["condition"]), numbers.decimal(row["base_mean"]), numbers.decimal(row["tuned_mean"])]
    cells += [numbers.signed(row["difference"]), numbers.interval(row["low"], row["high"], signed=True)]
    cells += [numbers.signed(row["judge_difference"]), numbers.count(row["n_raters"]), numbers.count(row["n_ratings"])]
    return Row(cells, strong=row["low"] > 0 or row["high"] < 0)
