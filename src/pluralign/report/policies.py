"""The section on what the policies made of the ratings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pluralign.report.blocks import Block, Column, Heading, Note, Notice, Paragraph, Points, Row, Section, Table, table
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.study import Condition, Experiment

_UNUSED = ("rejected", "no_text", "same_text", "unrated")
"""Reasons for which two responses could not be compared at all; the others are decisions of the policy."""


def section(sources: Sources) -> Section:
    """What each condition made of the ratings; only a command where there are no pairs yet."""
    say = sources.say
    title = say("policies.title")
    if not sources.study.experiments:
        return Section("policies", title, (Paragraph(say("policies.no_experiments")),))
    if sources.preferences is None:
        return Section("policies", title, (Notice(say("policies.none"), command="pluralign prefer"),))
    blocks: list[Block] = [Paragraph(say("policies.reading"))]
    for experiment in sources.study.experiments:
        lines = sources.preferences[sources.preferences["experiment"] == experiment.key]
        blocks.append(Heading(experiment_title(sources, experiment)))
        blocks.append(Paragraph(say("policies.objective", objective=objective(sources, experiment))))
        if lines.empty:
            command = f"pluralign prefer --experiment {experiment.key}"
            blocks.append(Notice(say("policies.not_made"), command=command))
        else:
            blocks += [Points(_descriptions(sources, experiment)), _conditions(sources, lines)]
    blocks.append(Note(say("policies.note")))
    return Section("policies", title, tuple(blocks))


def experiment_title(sources: Sources, experiment: Experiment) -> str:
    """The experiment's title in the page's language, its key where it has none."""
    return experiment.title[sources.labels.language] if experiment.title else experiment.key


def objective(sources: Sources, experiment: Experiment) -> str:
    """What the experiment's models are tuned towards, in words."""
    several = len(experiment.objective) > 1
    parts = []
    for key, weight in experiment.objective.items():
        dimension = sources.study.dimension(key)
        text = sources.say(f"policies.wish_{dimension.desirable}", dimension=sources.labels.dimension(key))
        parts.append(f"{text} ({sources.numbers.decimal(weight)})" if several else text)
    return ", ".join(parts)


def described(sources: Sources, condition: Condition) -> str:
    """What a condition does with the ratings, in words."""
    say = sources.say
    parts = [say(f"policies.{condition.policy}")]
    parts.append(say("policies.scale", points=condition.scale))
    if condition.neutral:
        parts.append(say(f"policies.neutral_{condition.neutral}"))
    if condition.ties and condition.policy == "majority":
        parts.append(say(f"policies.ties_{condition.ties}"))
    if condition.whose:
        parts.append(say("policies.whose", whose=condition.whose))
    return "; ".join(parts)


def _conditions(sources: Sources, lines: pd.DataFrame) -> Table:
    """A row per condition; a reason for which pairs were left out has a column where it left any out."""
    say = sources.say
    reasons = [name for name in lines.columns if name.startswith("dropped_") and lines[name].fillna(0).any()]
    decided = [name for name in reasons if name.removeprefix("dropped_") not in _UNUSED]
    rows = [Row((str(row["condition"]), *_counts(sources, row, decided))) for row in records(lines)]
    heads = [say(name) for name in ("raters", "ratings", "policies.candidates", "policies.unused")]
    heads += [say.known(f"policies.{name}", name.removeprefix("dropped_").replace("_", " ")) for name in decided]
    heads += [say(f"policies.{name}") for name in ("natural", "matched", "prompts", "mean_p", "within")]
    columns = [Column(say("condition")), *(Column(head, True) for head in heads)]
    return table(say("policies.table"), columns, rows)


def _descriptions(sources: Sources, experiment: Experiment) -> list[str]:
    return [f"{condition.key}: {described(sources, condition)}." for condition in experiment.conditions]


def _counts(sources: Sources, row: dict[str, Any], decided: list[str]) -> list[str]:
    count, numbers = sources.numbers.count, sources.numbers
    return [
        count(row["raters"]),
        count(row["ratings"]),
        count(row["candidate_pairs"]),
        count(sum(row.get(f"dropped_{reason}", 0) for reason in _UNUSED)),
        *(count(row[name]) for name in decided),
        count(row["natural_pairs"]),
        count(row["matched_pairs"]),
        count(row["prompts"]),
        numbers.decimal(row["mean_p"]),
        numbers.percent(100 * row["within_rater_share"], 0),
    ]
