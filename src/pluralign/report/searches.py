"""What an experiment tried before it tuned its models, and what was chosen."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.report.blocks import Block, Details, Group, Paragraph, Row, Table
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.study import Experiment, Search
from pluralign.study.training import TRIED_SETTINGS


def searched(sources: Sources, experiment: Experiment) -> list[Block]:
    """The settings tried for each condition; nothing where the experiment tried none, or none has been chosen yet."""
    table = sources.runs.get(f"runs/{experiment.key}/search.csv")
    if experiment.search is None or table is None or table.empty:
        return []
    say = sources.say
    return [
        Details(say("search.title"), (Paragraph(_reading(sources, experiment.search, table)), _table(sources, table)))
    ]


def _reading(sources: Sources, search: Search, table: pd.DataFrame) -> str:
    say, count, first = sources.say, sources.numbers.count, table.iloc[0]
    text = say(
        "search.reading",
        tries=len(search.settings),
        prompts=count(first["prompts"]),
        samples=count(first["samples"]),
        seeds=count(first["seeds"]),
    )
    edge = table.loc[table["at_edge"], "condition"].tolist()
    return f"{text} {say('search.edge', conditions=', '.join(edge))}" if edge else text


def _table(sources: Sources, table: pd.DataFrame) -> Table:
    say = sources.say
    # What all tries of a condition have in common was not chosen.
    named = [name for name in TRIED_SETTINGS if (table.groupby("condition")[name].nunique() > 1).any()]
    groups = []
    for condition, part in table.groupby("condition", sort=False):
        rows = [_row(sources, row, named) for row in records(part)]
        groups.append(Group(rows, str(condition)))
    heads = [("search.setting", False), *((f"search.{name}", True) for name in named)]
    heads += [("search.score", True), ("search.error", True), ("search.divergence", True), ("models.tokens", True)]
    heads.append(("search.state", False))
    return Table(say("search.table"), sources.columns(heads), groups, say("search.note"))


def _row(sources: Sources, row: dict[str, Any], named: list[str]) -> Row:
    numbers = sources.numbers
    # As in the study file: so small a number has no fixed decimals.
    cells = [numbers.count(row["number"]), *("–" if pd.isna(row[name]) else f"{row[name]:g}" for name in named)]
    cells += [numbers.signed(row["score"]), numbers.decimal(row["score_se"]), numbers.decimal(row["divergence"], 3)]
    cells.append(numbers.decimal(row["tokens"], 1))
    state = str(row["state"])
    cells.append(sources.say(f"search.state_{state.replace(' ', '_')}"))
    return Row(cells, strong=state == "chosen")
