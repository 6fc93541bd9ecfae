"""The section on what changed in the models, and how far the judge that says so can be trusted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.report import contrasts, judges, served
from pluralign.report.blocks import (
    Block,
    Column,
    Details,
    Figure,
    Group,
    Heading,
    Notice,
    Paragraph,
    Points,
    Row,
    Section,
    Table,
)
from pluralign.report.drawing import differences_figure
from pluralign.report.policies import experiment_title, objective
from pluralign.report.rows import records
from pluralign.report.samples import samples
from pluralign.report.searches import searched
from pluralign.report.sources import Sources
from pluralign.report.tuning import tuned
from pluralign.stats.plotting import house_style, svg, with_own_ids
from pluralign.study import Experiment
from pluralign.study.evaluation_checks import HELD_OUT

SURE = 0.05


def section(sources: Sources) -> Section:
    """What changed in the models; the commands to run where nothing has been compared yet."""
    say, title = sources.say, sources.say("models.title")
    if not sources.study.experiments:
        return Section("models", title, (Paragraph(say("policies.no_experiments")),))
    if not _compared(sources):
        return Section("models", title, (_not_compared(sources),))
    blocks: list[Block] = [Paragraph(say("models.reading"))]
    for experiment in sources.study.experiments:
        blocks += _experiment(sources, experiment)
    blocks += [*served.section(sources), *judges.section(sources)]
    if "descriptives" in sources.evaluation:
        blocks.append(Details(say("models.responses"), (_responses(sources),)))
    return Section("models", title, tuple(blocks))


def runs(sources: Sources) -> tuple[int, int]:
    """Tuned models that are finished, and that the study plans."""
    finished = planned = 0
    for experiment in sources.study.experiments:
        for condition in experiment.conditions:
            for seed in sources.study.training_for(experiment).seeds:
                planned += 1
                finished += (sources.folder.run(experiment.key, condition.key, seed) / "done.json").is_file()
    return finished, planned


def findings(sources: Sources) -> list[str]:
    """Sentences for the top of the page: what became of the dimensions that models were tuned towards."""
    if not _compared(sources):
        return []
    say, count = sources.say, sources.numbers.count
    table = sources.evaluation["differences"]
    aims = table[table["in_objective"]]
    changes = aims["change"].value_counts()
    found = {name: count(changes.get(name, 0)) for name in ("better", "worse", "unclear")}
    texts = [say("models.finding", all=count(len(aims)), **found)]
    doubtful = aims[aims["judge_verdict"].isin(["poor", "unmeasured"])]
    if not doubtful.empty:
        named = ", ".join(sources.labels.dimension(key) for key in dict.fromkeys(doubtful["dimension"]))
        texts.append(say("models.finding_doubtful", dimensions=named))
    return [*texts, *_claims(sources)]


def _claims(sources: Sources) -> list[str]:
    """The differences between conditions that are claimed on a dimension aimed at, each by its experiment."""
    table = sources.evaluation.get("contrasts")
    if table is None or not table["in_objective"].any():
        return []
    claimed = table[table["in_objective"] & table["claimed"]]
    if claimed.empty:
        return [sources.say("models.finding_no_contrast")]
    titles = {experiment.key: experiment_title(sources, experiment) for experiment in sources.study.experiments}
    return [
        f"{titles[str(row['experiment'])]}: {sentence}"
        for row, sentence in zip(records(claimed), _contrast_sentences(sources, claimed), strict=True)
        if row["experiment"] in titles
    ]


def holes(sources: Sources) -> list[str]:
    """What of the evaluation is missing: runs that were not evaluated, responses without a judgement."""
    table = sources.evaluation.get("descriptives")
    if table is None:
        return []
    say, count = sources.say, sources.numbers.count
    texts = []
    absent = table[table["state"] != "evaluated"]
    for why, part in absent.groupby("state", sort=False):
        named = ", ".join(f"{row['experiment']}/{row['condition']}/{row['seed']}" for row in records(part))
        reason = say.known(f"models.absent.{str(why).replace(' ', '_')}", str(why))
        texts.append(say("limits.absent", reason=reason, runs=named))
    if "unscored" in table and (unscored := int(table["unscored"].fillna(0).sum())):
        judged = table.loc[table["asked"] == HELD_OUT, "responses"].fillna(0).sum()
        texts.append(say("limits.unscored", number=count(unscored), all=count(judged)))
    noted = sources.evaluation.get("holes")
    for row in records(noted) if noted is not None else []:
        texts.append(say(f"limits.{row['what']}", name=row["name"], why=str(row["why"]).rstrip(".")))
    return texts


def _compared(sources: Sources) -> bool:
    return "differences" in sources.evaluation and not sources.evaluation["differences"].empty


def _not_compared(sources: Sources) -> Notice:
    finished, planned = runs(sources)
    if finished == 0:
        return Notice(sources.say("models.untrained"), command="pluralign train")
    counts = {"finished": sources.numbers.count(finished), "planned": sources.numbers.count(planned)}
    return Notice(sources.say("models.unevaluated", **counts), command="pluralign evaluate")


def _experiment(sources: Sources, experiment: Experiment) -> list[Block]:
    say = sources.say
    part = _of(sources.evaluation["differences"], experiment)
    blocks: list[Block] = [Heading(experiment_title(sources, experiment))]
    blocks.append(Paragraph(say("policies.objective", objective=objective(sources, experiment))))
    blocks += [*searched(sources, experiment), *tuned(sources, experiment)]
    if part.empty:
        command = f"pluralign train --experiment {experiment.key} && pluralign evaluate --experiment {experiment.key}"
        return [*blocks, Notice(say("models.not_evaluated"), command=command)]
    compared = _of(sources.evaluation.get("contrasts", part.iloc[:0]), experiment)
    blocks.append(Points([*_sentences(sources, part), *_contrast_sentences(sources, compared)]))
    blocks += [_figure(sources, experiment, part), _differences(sources, part)]
    if not compared.empty:
        blocks += contrasts.contrasts(sources, experiment, compared, _dimension_heading)
    blocks += served.frontier(sources, experiment)
    answers = samples(sources, experiment)
    if answers:
        warning = Notice(say("models.samples_warning"), "warning")
        blocks.append(Details(say("models.samples"), (warning, Paragraph(say("models.samples_choice")), *answers)))
    return blocks


def _of(table: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    return table[table["experiment"] == experiment.key]


def _sentences(sources: Sources, part: pd.DataFrame) -> list[str]:
    """In plain words: what became of the dimensions aimed at, and what the judge's word is worth there."""
    texts = []
    for row in records(part[part["in_objective"]]):
        text = sources.say(f"models.change_{row['change']}", condition=row["condition"], **_numbers(sources, row))
        if row["judge_verdict"] in ("poor", "unmeasured"):
            text += " " + sources.say(f"models.doubt_{row['judge_verdict']}")
        texts.append(text)
    return texts


def _contrast_sentences(sources: Sources, part: pd.DataFrame) -> list[str]:
    if part.empty:
        return []
    texts = []
    for row in records(part[part["in_objective"]]):
        key = "clear" if row["claimed"] else "unclaimed" if row["change"] in ("better", "worse") else "unclear"
        names = {"condition": row["condition"], "against": row["against"]}
        texts.append(sources.say(f"models.contrast_{key}", **names, **_numbers(sources, row)))
    return texts


def _numbers(sources: Sources, row: dict[str, Any]) -> dict[str, str]:
    return {
        "dimension": sources.labels.dimension(str(row["dimension"])),
        "difference": sources.numbers.signed(row["difference"]),
        "interval": sources.numbers.interval(row["low"], row["high"], signed=True),
    }


def _figure(sources: Sources, experiment: Experiment, part: pd.DataFrame) -> Figure:
    say = sources.say
    labelled = part.assign(dimension_label=[sources.labels.dimension(str(key)) for key in part["dimension"]])
    with house_style():
        drawn = svg(differences_figure(labelled, axis=say("models.axis"), simulated=say("models.planted_mark")))
    caption = say("models.figure_simulated" if "true_difference" in part else "models.figure")
    return Figure(caption, say("models.alternative"), with_own_ids(drawn, f"differences-{experiment.key}"))


def _differences(sources: Sources, part: pd.DataFrame) -> Table:
    say, numbers = sources.say, sources.numbers
    simulated = "true_difference" in part
    groups = []
    for _, rows in part.groupby("dimension", sort=False):
        cells = []
        for row in records(rows):
            values = [row["condition"], numbers.decimal(row["base_mean"]), numbers.decimal(row["tuned_mean"])]
            values += _difference_cells(sources, row, simulated)
            values += [numbers.count(row["n_unscored"]), numbers.signed(row["effect"]), numbers.p(row["p_holm"])]
            cells.append(Row(values, strong=row["p_holm"] < SURE))
        groups.append(Group(cells, _dimension_heading(sources, rows)))
    heads = [("condition", False), ("models.base", True), ("models.tuned", True), *_difference_heads(simulated)]
    heads += [("models.unscored", True), ("contrasts.effect", True), ("contrasts.p", True)]
    first = part.iloc[0]
    prompts, seeds = numbers.count(first["n_prompts"]), numbers.count(first["n_seeds"])
    note = say("models.note", prompts=prompts, seeds=seeds)
    return Table(say("models.table"), sources.columns(heads), groups, note)


def _difference_heads(simulated: bool) -> list[tuple[str, bool]]:
    heads = [("models.difference", True), ("interval", True)]
    heads += [("models.true", True)] if simulated else []
    return [*heads, ("models.change", False), ("judge.verdict", False)]


def _difference_cells(sources: Sources, row: dict[str, Any], simulated: bool) -> list[str]:
    say, numbers = sources.say, sources.numbers
    cells = [numbers.signed(row["difference"]), numbers.interval(row["low"], row["high"], signed=True)]
    if simulated:
        cells.append(numbers.signed(row["true_difference"]))
    return [*cells, say(f"models.{row['change']}"), say(f"judge.{row['judge_verdict']}")]


def _dimension_heading(sources: Sources, rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    label = sources.labels.dimension(str(first["dimension"]))
    wish = sources.say("models.wished", end=sources.say(f"desirable.{first['desirable']}"))
    aim = f", {sources.say('models.aim')}" if first["in_objective"] else ""
    return f"{label} ({wish}{aim})"


def _responses(sources: Sources) -> Table:
    """What the answers look like, by the set of prompts that they answer."""
    say, numbers = sources.say, sources.numbers
    table = sources.evaluation["descriptives"]
    groups = []
    for asked, part in table[table["state"] == "evaluated"].groupby("asked", sort=False):
        rows = []
        for row in records(part):
            condition = say("models.base_model") if row["condition"] == "base" else str(row["condition"])
            name = " / ".join(part for part in (row["experiment"], condition, row["seed"]) if part)
            cells = [name, numbers.count(row["responses"]), numbers.decimal(row["tokens"], 1)]
            shares = ("finished", "distinct", "distinct_words", "distinct_pairs", "alike", "refused")
            cells += [numbers.percent(100 * row[share], 0) for share in shares]
            cells.append(numbers.interval(100 * row["refused_low"], 100 * row["refused_high"], 0))
            rows.append(Row([*cells, numbers.count(row["unscored"])]))
        kind = _kinds(sources).get(str(asked), HELD_OUT)
        groups.append(Group(rows, say(f"models.asked.{kind}", name=asked)))
    heads = (
        "responses_count",
        "tokens",
        "finished",
        "distinct",
        "distinct_words",
        "distinct_pairs",
        "alike",
        "refused",
    )
    columns = [Column(say("models.model")), *(Column(say(f"models.{head}"), True) for head in heads)]
    columns += [Column(say("interval"), True), Column(say("models.unscored"), True)]
    return Table(say("models.responses_table"), columns, groups, say("models.responses_note"))


def _kinds(sources: Sources) -> dict[str, str]:
    return {prompts.key: prompts.kind for prompts in sources.study.evaluation.prompts}
