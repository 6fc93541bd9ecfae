"""How far each judge can be trusted, overall and by group of raters, and what the other judges say."""

from __future__ import annotations

import pandas as pd

from pluralign.report.blocks import Block, Details, Group, Heading, Paragraph, Row, Table, table
from pluralign.report.rows import records
from pluralign.report.sources import Sources

_COLUMNS = [
    *("judge", "dimension", "language", "spearman", "spearman_low", "spearman_high", "spearman_ceiling"),
    *("spearman_true", "alpha", "alpha_low", "alpha_high", "mean_error", "mean_error_baseline", "texts", "ratings"),
    *("unscored", "verdict"),
]


def section(sources: Sources) -> list[Block]:
    """Agreement of every judge with people it has not learnt from; nothing where no judge has been compared."""
    if "agreement" not in sources.evaluation:
        return []
    say = sources.say
    blocks: list[Block] = [Heading(say("judge.title")), Paragraph(say("judge.reading")), _agreement(sources)]
    by_group = sources.evaluation.get("agreement_groups")
    if by_group is not None and not by_group.empty:
        tables = tuple(_by_group(sources, part) for _, part in by_group.groupby(["judge", "dimension"], sort=False))
        blocks.append(Details(say("judge.by_group"), tables))
    others = sources.evaluation.get("other_judges")
    if others is not None and not others.empty:
        blocks.append(_others(sources, others))
    return blocks


def _agreement(sources: Sources) -> Table:
    say, numbers = sources.say, sources.numbers
    found = sources.evaluation["agreement"].reindex(columns=_COLUMNS)
    simulated = found["spearman_true"].notna().any()
    groups = []
    for judge, part in found.groupby("judge", sort=False):
        rows = []
        for row in records(part):
            spoken = say.known(f"languages.{row['language']}", str(row["language"]))
            cells = [f"{sources.labels.dimension(str(row['dimension']))}, {spoken}"]
            cells += [numbers.decimal(row["spearman"]), numbers.interval(row["spearman_low"], row["spearman_high"])]
            cells += [numbers.decimal(row["spearman_ceiling"])]
            cells += [numbers.decimal(row["spearman_true"])] if simulated else []
            cells += [numbers.decimal(row["alpha"]), numbers.interval(row["alpha_low"], row["alpha_high"])]
            cells += [numbers.decimal(row["mean_error"]), numbers.decimal(row["mean_error_baseline"])]
            cells += [numbers.count(row["texts"]), numbers.count(row["ratings"]), numbers.count(row["unscored"])]
            rows.append(Row([*cells, say(f"judge.{row['verdict']}")], strong=row["verdict"] == "good"))
        groups.append(Group(rows, str(judge)))
    heads = [("dimension", False), ("judge.spearman", True), ("interval", True), ("judge.ceiling", True)]
    heads += [("judge.true", True)] if simulated else []
    heads += [("judge.alpha", True), ("interval", True), ("judge.error", True), ("judge.baseline", True)]
    heads += [("judge.texts", True), ("ratings", True), ("models.unscored", True), ("judge.verdict", False)]
    return Table(say("judge.table"), sources.columns(heads), groups, say("judge.note"))


def _by_group(sources: Sources, part: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    first = part.iloc[0]
    groups = []
    for demographic, lines in part.groupby("demographic", sort=False):
        rows = [
            Row(
                [
                    sources.labels.merged_level(str(demographic), str(row["group_label"])),
                    numbers.count(row["raters"]),
                    numbers.count(row["texts"]),
                    numbers.decimal(row["spearman"]),
                    numbers.interval(row["spearman_low"], row["spearman_high"]),
                    numbers.decimal(row["spearman_ceiling"]),
                    numbers.decimal(row["alpha"]),
                    numbers.interval(row["alpha_low"], row["alpha_high"]),
                    say(f"judge.{row['verdict']}"),
                ]
            )
            for row in records(lines)
        ]
        groups.append(Group(rows, sources.labels.demographic(str(demographic))))
    heads = [("groups.level", False), ("raters", True), ("judge.texts", True), ("judge.spearman", True)]
    heads += [("interval", True), ("judge.ceiling", True), ("judge.alpha", True), ("interval", True)]
    heads.append(("judge.verdict", False))
    caption = f"{first['judge']}: {sources.labels.dimension(str(first['dimension']))}"
    return Table(caption, sources.columns(heads), groups)


def _others(sources: Sources, others: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    rows = []
    for row in records(others):
        name = f"{row['judge']}: {row['experiment']} / {row['condition']}"
        cells = [name, sources.labels.dimension(str(row["dimension"])), numbers.signed(row["difference"])]
        cells += [numbers.interval(row["low"], row["high"], signed=True), numbers.count(row["n_unscored"])]
        cells += [say(f"models.{row['change']}"), say(f"judge.{row['judge_verdict']}")]
        rows.append(Row(cells, strong=row["change"] in ("better", "worse")))
    heads = [("judge.other", False), ("dimension", False), ("models.difference", True), ("interval", True)]
    heads += [("models.unscored", True), ("models.change", False), ("judge.verdict", False)]
    return table(say("judge.others"), sources.columns(heads), rows)
