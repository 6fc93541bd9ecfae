"""The data card of a release: what it is, where it comes from, what was done to protect people, what it cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pluralign.stats.descriptives import rating_distribution
from pluralign.stats.labels import Labels
from pluralign.survey.release.making import Release
from pluralign.survey.release.protection import smallest_cell
from pluralign.wording import counted


def card(release: Release) -> str:
    """The card as Markdown, in English with the study's own words in its first language."""
    parts = (_head, _files, _collection, _people, _ratings, _protection, _signs, _limits)
    return "\n".join(line for part in parts for line in part(release)) + "\n"


def _head(release: Release) -> Iterator[str]:
    study, feedback = release.study, release.feedback
    yield f"# Data card: {study.title[study.languages[0]]}"
    yield ""
    yield (
        f"{counted(len(feedback.ratings), 'rating')} of {counted(len(feedback.items), 'response')} by "
        f"{counted(len(feedback.raters), 'person', 'people')}, on {counted(len(study.dimensions), 'dimension')}. "
        f"{release.wishes.level.capitalize()} release."
    )
    yield ""
    licence = release.wishes.licence
    yield f"Licence: {licence}." if licence else "Licence: none was named; without one nobody else may use these data."
    licences = ", ".join(sorted(set(release.feedback.prompts["licence"])))
    yield f"Licence of the prompts' texts: {licences}."


def _files(release: Release) -> Iterator[str]:
    yield from ("", "## Files", "")
    yield "- `study.yaml`: what was asked, word for word; `pluralign analyze --study .` reads it."
    yield "- `data/`: prompts, items, raters and ratings as Parquet with manifests; `csv/`: the same as CSV."
    yield "- `codebook.csv`, `codebook-<language>.md`: every column and code."
    if release.firsts is not None:
        yield "- `first_answers.csv`: the yes/no question asked first about every response."
    if release.texts is not None:
        yield "- `texts.csv`: what people wrote themselves. It may name persons: read it before giving it on."
    if release.protected is not None:
        yield "- `protection.csv`: how many answers were coarsened or left out, by question."


def _collection(release: Release) -> Iterator[str]:
    study, (first, last) = release.study, release.days
    yield from ("", "## Collection", "")
    yield f"- Days: {first} to {last}."
    yield f"- Languages of the survey: {', '.join(study.languages)}."
    origins = Counter(release.feedback.raters["origin"])
    yield f"- People came by: {', '.join(f'{name} ({number})' for name, number in sorted(origins.items()))}."
    if study.recruitment and study.recruitment.eligible:
        yield f"- Who could take part, by this version of the study file: `{study.recruitment.eligible}`."
    if study.recruitment and (pay := study.recruitment.pay):
        yield f"- Pay: {pay.amount:g} {pay.currency} for about {pay.minutes:g} minutes."
    for row in release.instruments.to_dict("records"):
        pooled = "in this release" if row["pooled"] else "not in this release: it asked something else"
        yield f"- Instrument version {row['version']}, since {row['since']:%Y-%m-%d}, {row['digest'][:12]}: {pooled}."
    yield f"- Erased at their own wish or by a researcher: {release.withdrawn}; nothing of them is in here."
    for reason, number in release.people_out.items():
        yield f"- Left out: people who {reason}, {number}."
    for reason, number in release.left_out.items():
        yield f"- Left out: {counted(number, 'rating')} ({reason})."


def _people(release: Release) -> Iterator[str]:
    study, raters = release.study, release.feedback.raters
    labels = Labels(study, study.languages[0])
    yield from ("", "## People", "", "| Question | Answer | People |", "| --- | --- | ---: |")
    for demographic in study.demographics:
        counts = raters[demographic.key].value_counts()
        for code in (*demographic.codes, "undeclared"):
            if number := int(counts.get(code, 0)):
                yield f"| {labels.demographic(demographic.key)} | {labels.level(demographic.key, code)} | {number} |"
        if empty := int(raters[demographic.key].isna().sum()):
            yield f"| {labels.demographic(demographic.key)} | (empty) | {empty} |"


def _ratings(release: Release) -> Iterator[str]:
    study = release.study
    labels = Labels(study, study.languages[0])
    names = [labels.value(value) for value in range(1, study.points + 1)]
    yield from ("", "## Ratings", "", f"| Dimension | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}")
    table = rating_distribution(release.feedback.ratings, labels)
    for name, part in table.groupby("dimension_label", sort=False):
        yield f"| {name} | {' | '.join(str(number) for number in part['ratings'])} |"


def _protection(release: Release) -> Iterator[str]:
    yield from ("", "## Protection of persons", "")
    yield "- Ids of raters were drawn for this release alone. Recruitment ids are not in it, in no form."
    if release.protected is None:
        yield "- Internal: answers about oneself and times are exact. Not for anyone whom the consent does not name."
        return
    protected, wishes = release.protected, release.wishes
    reached = smallest_cell(release.feedback.raters, release.known)
    yield (
        f"- {', '.join(release.known) or 'nothing'}: taken as known to others. Every combination that occurs is shared "
        f"by at least {wishes.k} people; the rarest here by {reached}."
    )
    if protected.coarsened:
        yield f"- Coarsened for everybody by the merges of the study file: {', '.join(protected.coarsened)}."
    yield "- Times are days, seconds are whole. Texts that people wrote are not in it."
    yield from ("", "| Question | Answers | Coarsened | Left out | As given |", "| --- | ---: | ---: | ---: | ---: |")
    for row in protected.report.to_dict("records"):
        cells = (row["question"], row["values"], row["coarsened"], row["suppressed"], row["kept"])
        yield f"| {' | '.join(str(cell) for cell in cells)} |"


def _signs(release: Release) -> Iterator[str]:
    raised = Counter(flag for flags in release.feedback.raters["flags"] for flag in flags.split(";") if flag)
    yield from ("", "## Signs of careless answers", "", "Nobody was left out for them. In the column `flags`:", "")
    for flag, meaning in (release.limits.wording() | {"unfinished": "left before the end"}).items():
        yield f"- `{flag}`: {meaning}. {counted(raised[flag], 'person', 'people')}."


def _limits(release: Release) -> Iterator[str]:
    yield from ("", "## What these data cannot say", "")
    yield "- People chose to take part; they are no random sample of any population."
    yield "- Ratings say how these people read these texts, in the language they chose, on those days."
    if release.protected is not None:
        yield "- Answers left out to protect people are missing more often among rare groups, not at random."
