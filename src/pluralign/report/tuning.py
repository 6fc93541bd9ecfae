"""How an experiment's models were tuned: on equal footing, or where not."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.report.blocks import Block, Details, Group, Paragraph, Row, Table
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.study import Experiment

_APART = 1.1
"""Conditions that read more than this many times as much text as others are named among the limits."""


def tuned(sources: Sources, experiment: Experiment) -> list[Block]:
    """What each model has read and how far it moved; nothing where no model is finished."""
    table = _finished(sources, experiment)
    if table.empty:
        return []
    say = sources.say
    groups = [Group(_rows(sources, part), str(condition)) for condition, part in table.groupby("condition", sort=False)]
    heads = [("tuning.seed", False), ("tuning.method", False), ("search.learning_rate", True), ("tuning.rows", True)]
    heads += [("tuning.steps", True), ("tuning.tokens", True), ("tuning.first_loss", True), ("tuning.last_loss", True)]
    heads.append(("search.divergence", True))
    shown = Table(say("tuning.table"), sources.columns(heads), groups, say("tuning.note"))
    return [Details(say("tuning.title"), (Paragraph(say("tuning.reading")), shown))]


def unequal(sources: Sources) -> list[str]:
    """A sentence for each experiment whose conditions did not read about equally much."""
    texts = []
    for experiment in sources.study.experiments:
        table = _finished(sources, experiment).dropna(subset="tokens")
        means = table.groupby("condition")["tokens"].mean()
        if len(means) > 1 and means.max() > _APART * means.min():
            least, most = (table.loc[table["tokens"].agg(which)] for which in ("idxmin", "idxmax"))
            texts.append(
                sources.say(
                    "limits.tokens",
                    experiment=experiment.key,
                    least=sources.numbers.count(least["tokens"]),
                    most=sources.numbers.count(most["tokens"]),
                    less=least["condition"],
                    more=most["condition"],
                )
            )
    return texts


def _finished(sources: Sources, experiment: Experiment) -> pd.DataFrame:
    table = sources.runs.get(f"runs/{experiment.key}/models.csv")
    if table is None:
        return pd.DataFrame(columns=["condition", "tokens"])
    return table[table["state"] == "finished"]


def _rows(sources: Sources, part: pd.DataFrame) -> list[Row]:
    return [Row(_cells(sources, row)) for row in records(part)]


def _cells(sources: Sources, row: dict[str, Any]) -> list[str]:
    numbers = sources.numbers
    # The learning rate as in the study file: so small a number has no fixed decimals.
    cells = [row["seed"], row["method"], f"{row['learning_rate']:g}", numbers.count(row["rows_seen"])]
    cells += [numbers.count(row["steps"]), numbers.count(row["tokens"])]
    cells += [numbers.decimal(row["first_loss"], 3), numbers.decimal(row["last_loss"], 3)]
    return [*cells, numbers.decimal(row["divergence"], 3)]
