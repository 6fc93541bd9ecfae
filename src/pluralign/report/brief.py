"""The findings in a few sentences, at the top of the page."""

from __future__ import annotations

from pluralign.report import groups, models, people
from pluralign.report.blocks import Notice, Points, Section
from pluralign.report.sources import Sources
from pluralign.stats.labels import CONTEXT


def section(sources: Sources) -> Section:
    """One sentence for each thing that is known, and a notice where raters are simulated."""
    say = sources.say
    blocks: list[Notice | Points] = []
    share = people.simulated_share(sources)
    if share > 0:
        blocks.append(Notice(say("brief.simulated" if share == 1 else "brief.partly_simulated"), "warning"))
    findings = [*_groups(sources), *_agreement(sources), *_pairs(sources)]
    findings += models.findings(sources)
    if findings:
        blocks.append(Points(findings))
    return Section("brief", say("brief.title"), tuple(blocks))


def _groups(sources: Sources) -> list[str]:
    if not sources.has_rows("coefficients"):
        return []
    say, count = sources.say, sources.numbers.count
    table, found = (
        every[~every["demographic"].isin(["", CONTEXT])]  # only groups of raters
        for every in (groups.coefficients(sources), groups.significant(sources))
    )
    usable = table[table["note"] == ""]
    if usable.empty:
        return []
    firm = found[found["p_holm"] < 0.05]
    texts = [say("brief.groups", tested=count(len(usable)), found=count(len(found)), firm=count(len(firm)))]
    if not firm.empty:
        row = firm.sort_values("p").iloc[0]
        texts.append(
            say(
                "brief.clearest",
                dimension=row["dimension_label"],
                level=row["level_label"],
                reference=row["reference_label"] or "–",
                change=say("brief.higher" if row["percent"] > 0 else "brief.lower"),
                percent=sources.numbers.percent(abs(row["percent"]), 0),
                interval=sources.numbers.interval(row["odds_low"], row["odds_high"]),
            )
        )
    return texts


def _agreement(sources: Sources) -> list[str]:
    if not sources.has_rows("agreement"):
        return []
    alpha = sources.analysis["agreement"]["alpha"].dropna()
    if alpha.empty:
        return []
    low, high = sources.numbers.decimal(alpha.min()), sources.numbers.decimal(alpha.max())
    return [sources.say("brief.agreement", low=low, high=high)]


def _pairs(sources: Sources) -> list[str]:
    if sources.preferences is None or sources.preferences.empty:
        return []
    pairs = sources.preferences["matched_pairs"]
    return [
        sources.say(
            "brief.pairs",
            conditions=sources.numbers.count(len(pairs)),
            pairs=people.span(sources, pairs.min(), pairs.max()),
        )
    ]
