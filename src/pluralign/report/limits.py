"""The section on what is missing: stages not run, models not fitted, ratings left out, what numbers cannot show."""

from __future__ import annotations

from pluralign.report import models, people, tuning
from pluralign.report.blocks import Block, Notice, Paragraph, Points, Section
from pluralign.report.failures import failed
from pluralign.report.groups import coefficients
from pluralign.report.rows import records
from pluralign.report.sources import Sources
from pluralign.stats.intersections import FEW_RATERS

_COMMANDS = {"analysis": "analyze", "preferences": "prefer", "runs": "train", "evaluation": "evaluate"}


def section(sources: Sources) -> Section:
    """Every hole in one place, each with what would fill it."""
    blocks: list[Block] = [*_outdated(sources), *_not_run(sources)]
    points = [
        *_conditions(sources),
        *_fits(sources),
        *_small_groups(sources),
        *_ratings(sources),
        *failed(sources),
        *models.holes(sources),
        *tuning.unequal(sources),
    ]
    points += _meaning(sources)
    blocks.append(Points(points) if points else Paragraph(sources.say("limits.nothing")))
    return Section("limits", sources.say("limits.title"), tuple(blocks))


def _outdated(sources: Sources) -> list[Block]:
    say = sources.say
    return [
        Notice(
            say("limits.outdated", stage=say(f"stages.{name}"), files=", ".join(changed)),
            "warning",
            f"pluralign {_COMMANDS[name]}",
        )
        for name, changed in sources.outdated.items()
    ]


def _not_run(sources: Sources) -> list[Block]:
    say = sources.say
    missing = []
    if sources.feedback is not None and "fits" not in sources.analysis:
        missing.append("analysis")
    if sources.study.experiments:
        finished, planned = models.runs(sources)
        missing += ["preferences"] if sources.preferences is None else []
        missing += ["runs"] if finished < planned else []
        missing += ["evaluation"] if "differences" not in sources.evaluation else []
    return [Notice(say(f"limits.not_run.{name}"), command=f"pluralign {_COMMANDS[name]}") for name in missing]


def _conditions(sources: Sources) -> list[str]:
    """Conditions without pairs, with the reason in the program's own words."""
    if sources.problems is None:
        return []
    return [
        sources.say("limits.condition", run=f"{row['experiment']}/{row['condition']}", problem=row["problem"])
        for row in records(sources.problems)
    ]


def _fits(sources: Sources) -> list[str]:
    if "fits" not in sources.analysis:
        return []
    return [
        sources.say(f"limits.{row['status']}", dimension=sources.labels.dimension(row["dimension"]))
        for row in records(sources.analysis["fits"])
        if row["status"] != "fitted"
    ]


def _small_groups(sources: Sources) -> list[str]:
    """Levels that rest on few raters, each once, however many dimensions there are."""
    if not sources.has_rows("coefficients"):
        return []
    table = coefficients(sources)
    small = table[table["caution"] != ""]
    if small.empty:
        return []
    fewest = small.groupby("level_label", sort=False)["raters"].min()
    named = ", ".join(f"{level} ({sources.numbers.count(number)})" for level, number in fewest.items())
    return [sources.say("limits.small", number=sources.numbers.count(FEW_RATERS), levels=named)]


def _ratings(sources: Sources) -> list[str]:
    if not sources.has_rows("dropped"):
        return []
    fits = sources.analysis["fits"]
    numbers = sources.numbers
    left_out, used = int(fits["dropped"].fillna(0).sum()), int(fits["ratings"].fillna(0).sum())
    share = numbers.percent(100 * left_out / (left_out + used))
    return [sources.say("limits.dropped", number=numbers.count(left_out), share=share)]


def _meaning(sources: Sources) -> list[str]:
    say = sources.say
    sample = "limits.weighted" if sources.has_rows("weighting") else "limits.sample"
    points = [say("limits.simulated" if people.simulated_share(sources) > 0 else sample)]
    if "fits" in sources.analysis:
        points.append(say("limits.causes"))
    return points
