"""The section on who rated, what they rated, and where their ratings lie."""

from __future__ import annotations

from dataclasses import dataclass

from pluralign.report.blocks import (
    Block,
    Column,
    Details,
    Figure,
    Group,
    Heading,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    Tables,
    table,
)
from pluralign.report.pictures import both_layouts
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.stats import descriptives, figures
from pluralign.stats.intersections import raters_within_groups
from pluralign.study import UNDECLARED


def section(sources: Sources) -> Section:
    """Who rated; only a command to run where there are no ratings yet."""
    title = sources.say("people.title")
    if sources.feedback is None:
        notice = Notice(sources.say("people.none"), "warning", "pluralign corpus import demo && pluralign simulate")
        return Section("people", title, (notice,))
    blocks: list[Block] = [Paragraph(_overview(sources)), Paragraph(_effort(sources))]
    blocks.append(Tables((*_margins(sources), *_origins(sources))))
    blocks += _within(sources)
    blocks += [Heading(sources.say("people.responses")), Paragraph(_responses(sources)), _contexts(sources)]
    blocks += [Heading(sources.say("people.ratings")), *_ratings(sources)]
    return Section("people", title, tuple(blocks))


def simulated_share(sources: Sources) -> float:
    """Share of the raters who are simulated, 0 to 1."""
    if sources.feedback is None:
        return 0.0
    return float((sources.feedback.raters["origin"] == "simulated").mean())


def _overview(sources: Sources) -> str:
    feedback, count = sources.feedback, sources.numbers.count
    assert feedback is not None
    rated = feedback.items[feedback.items["item"].isin(feedback.ratings["item"])]
    return sources.say(
        "people.overview",
        raters=count(len(feedback.raters)),
        ratings=count(len(feedback.ratings)),
        items=count(len(rated)),
        prompts=count(rated["prompt"].nunique()),
        dimensions=count(len(feedback.dimensions)),
        points=count(feedback.points),
    )


def _effort(sources: Sources) -> str:
    assert sources.feedback is not None
    load = descriptives.load(sources.feedback.ratings).set_index("unit")
    shown = {}
    for name, unit in (("items", "items per rater"), ("raters", "raters per item")):
        shown[name] = span(sources, load["least"][unit], load["most"][unit])
    return sources.say("people.effort", **shown)


def span(sources: Sources, least: int, most: int) -> str:
    """Two counts as a range, one where they are equal."""
    shown = sources.numbers.count(least)
    return shown if least == most else sources.say("people.between", least=shown, most=sources.numbers.count(most))


def _margins(sources: Sources) -> list[Table]:
    """One small table per demographic: raters per answer."""
    assert sources.feedback is not None
    counted = descriptives.raters_by_demographic(sources.feedback.raters, sources.labels)
    tables = []
    for _, part in counted.groupby("demographic", sort=False):
        rows = [_share_row(sources, row["level_label"], row["raters"], row["percent"]) for row in records(part)]
        tables.append(_share_table(sources, str(part["demographic_label"].iloc[0]), rows))
    return tables


def _within(sources: Sources) -> list[Block]:
    """How the groups of one demographic differ in the others: a table per demographic, folded away."""
    assert sources.feedback is not None
    say = sources.say
    counted = raters_within_groups(sources.feedback.raters, sources.labels)
    tables = []
    for _, part in counted.groupby("group", sort=False):
        groups = list(dict.fromkeys(zip(part["group_level"], part["group_level_label"], strict=True)))
        shares = {(row["group_level"], row["demographic"], row["level"]): row["percent"] for row in records(part)}
        bodies = []
        for _, answers in part.groupby("demographic", sort=False):
            levels = dict(zip(answers["level"], answers["level_label"], strict=True))
            demographic = answers["demographic"].iloc[0]
            order = [level for level in _order(sources, demographic) if level in levels]
            rows = [
                Row((levels[level], *(_share(sources, shares.get((key, demographic, level))) for key, _ in groups)))
                for level in order
            ]
            bodies.append(Group(rows, str(answers["demographic_label"].iloc[0])))
        sizes = part.groupby(["group_level", "demographic"], sort=False)["raters"].sum().groupby("group_level").max()
        heads = [f"{label} (n = {sources.numbers.count(sizes[key])})" for key, label in groups]
        columns = [Column(say("people.answer")), *(Column(head, True) for head in heads)]
        caption = say("people.within", group=part["group_label"].iloc[0])
        tables.append(Table(caption, columns, bodies))
    return [Details(say("people.within_title"), tuple(tables))] if tables else []


def _order(sources: Sources, demographic: str) -> tuple[str, ...]:
    return (*sources.study.demographic(demographic).codes, UNDECLARED)


def _share(sources: Sources, percent: float | None) -> str:
    return "0" if percent is None else sources.numbers.decimal(percent, 1)


def _origins(sources: Sources) -> list[Table]:
    """Where the raters come from, and the language in which they rated."""
    assert sources.feedback is not None
    raters = sources.feedback.raters
    tables = []
    for column, words in (("origin", "origins"), ("language", "languages")):
        values = raters[column].astype(object).where(raters[column].notna(), "unknown")
        counts = values.value_counts()
        rows = [
            _share_row(sources, sources.say.known(f"{words}.{key}", str(key)), number, 100 * number / len(raters))
            for key, number in counts.items()
        ]
        tables.append(_share_table(sources, sources.say(f"people.{column}"), rows))
    return tables


def _share_row(sources: Sources, name: object, number: int, percent: float) -> Row:
    return Row((str(name), sources.numbers.count(number), sources.numbers.percent(percent)), share=percent)


def _share_table(sources: Sources, caption: str, rows: list[Row]) -> Table:
    heads = (Column(sources.say("people.answer")), Column("n", True), Column("%", True))
    return table(caption, heads, rows)


def _responses(sources: Sources) -> str:
    """Where the responses come from: model, kind of text by language, split of the prompts."""
    feedback, say = sources.feedback, sources.say
    assert feedback is not None
    kinds = []
    for column in feedback.items.columns:
        if not column.startswith("origin_"):
            continue
        counts = feedback.items[column].dropna().value_counts()
        if counts.empty:
            continue
        language = say.known(f"languages.{column.removeprefix('origin_')}", column.removeprefix("origin_"))
        named = ", ".join(
            f"{sources.numbers.count(n)} {say.known(f'texts.{kind}', str(kind))}" for kind, n in counts.items()
        )
        kinds.append(f"{language}: {named}")
    split = feedback.prompts["split"].value_counts()
    return say(
        "people.sources",
        prompts=sources.numbers.count(len(feedback.prompts)),
        held=sources.numbers.count(split.get("held-out", 0)),
        models=", ".join(sorted(feedback.items["model"].unique())),
        kinds="; ".join(kinds) or say("people.kinds_unknown"),
    )


def _contexts(sources: Sources) -> Table:
    assert sources.feedback is not None
    counted = descriptives.items_by_context(sources.feedback.items, sources.feedback.ratings, sources.labels)
    unknown = sources.say("people.context_unknown")
    rows = [
        Row(
            (
                unknown if row["context"] == descriptives.NOT_RECORDED else row["context_label"],
                *(sources.numbers.count(row[name]) for name in ("items", "rated", "ratings")),
            )
        )
        for row in records(counted)
    ]
    heads = ("people.context", "people.items", "people.rated", "ratings")
    columns = [Column(sources.say(head), place > 0) for place, head in enumerate(heads)]
    return table(sources.say("people.contexts"), columns, rows)


def _ratings(sources: Sources) -> list[Block]:
    assert sources.feedback is not None
    ratings, labels, say, numbers = sources.feedback.ratings, sources.labels, sources.say, sources.numbers
    distribution = descriptives.rating_distribution(ratings, labels)
    drawn = both_layouts(
        lambda layout: figures.distributions(distribution, layout, language=say.language), "distribution"
    )
    figure = Figure(say("people.distribution"), say("people.distribution_alternative"), *drawn)
    rows = [
        Row(
            (
                row["dimension_label"],
                say.known(f"desirable.{row['desirable']}", "–"),
                numbers.count(row["ratings"]),
                numbers.decimal(row["mean"]),
                numbers.decimal(row["sd"]),
                numbers.decimal(row["median"], 1),
                numbers.count(row["missing"]),
            )
        )
        for row in records(descriptives.rating_summary(ratings, labels))
    ]
    heads = [("dimension", False), ("people.desirable", False), ("ratings", True)]
    heads += [(f"people.{name}", True) for name in ("mean", "sd", "median", "missing")]
    columns = sources.columns(heads)
    return [figure, table(say("people.summary"), columns, rows, note=say("people.summary_note"))]


@dataclass(frozen=True, slots=True)
class Fact:
    """A number at the head of the page."""

    name: str
    value: str


def facts(sources: Sources) -> list[Fact]:
    """What the study amounts to, in a few numbers."""
    say, count = sources.say, sources.numbers.count
    languages = ", ".join(say.known(f"languages.{key}", key) for key in sources.study.languages)
    if sources.feedback is None:
        return [Fact(say("people.language"), languages)]
    feedback = sources.feedback
    return [
        Fact(say("raters"), count(len(feedback.raters))),
        Fact(say("ratings"), count(len(feedback.ratings))),
        Fact(say("people.items"), count(feedback.ratings["item"].nunique())),
        Fact(say("dimensions"), count(len(feedback.dimensions))),
        Fact(say("page.languages"), languages),
    ]
