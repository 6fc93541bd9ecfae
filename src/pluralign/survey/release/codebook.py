"""The codebook: every column and every code of a release, in the languages of the study, from the study file."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from pluralign.records import ITEMS, PROMPTS, RATERS, RATINGS
from pluralign.study import UNDECLARED, Study
from pluralign.survey.release.flags import Limits
from pluralign.survey.words import words

_SCHEMAS = (PROMPTS, ITEMS, RATERS, RATINGS)
_TITLES = {
    "en": {"title": "Codebook", "variable": "Variable", "code": "Code", "meaning": "Meaning", "text": "Wording"},
    "de": {"title": "Codebuch", "variable": "Variable", "code": "Code", "meaning": "Bedeutung", "text": "Wortlaut"},
}


def codebook(study: Study, limits: Limits, *, firsts: bool, texts: bool) -> pd.DataFrame:
    """One row per column and per code: ``table, variable, code, meaning`` and ``text_<language>`` for each language.

    ``code`` is empty in the row of a column. ``text_…`` is what people read: question, statement, answer.
    ``firsts`` and ``texts``: whether the release has these files.
    """
    rows = [*_columns(study), *_ratings(study), *_people(study, limits), *_contexts(study)]
    if firsts and study.first_question is not None:
        rows.append(("first_answers", "value", "", "answer to the question asked first", study.first_question))
    if texts:
        rows.append(("texts", "text", "", "what the person wrote about the item; may name persons", {}))
        rows.append(("texts", "kind", "edit", "a better version of the response", {}))
        rows.append(("texts", "kind", "craft", "a response of their own", {}))
    return pd.DataFrame(
        [
            {"table": table, "variable": variable, "code": code, "meaning": meaning}
            | {f"text_{language}": text.get(language, "") for language in study.languages}
            for table, variable, code, meaning, text in rows
        ]
    )


def as_markdown(table: pd.DataFrame, study: Study, language: str) -> str:
    """The codebook in one language, a section per table."""
    title = _TITLES.get(language, _TITLES["en"])
    lines = [f"# {title['title']}: {study.title[language]}"]
    for name, part in table.groupby("table", sort=False):
        lines += ["", f"## {name}", ""]
        lines += [f"| {title['variable']} | {title['code']} | {title['meaning']} | {title['text']} |"]
        lines += ["| --- | --- | --- | --- |"]
        for row in part.to_dict("records"):
            cells = (row["variable"], row["code"], row["meaning"], row[f"text_{language}"])
            lines.append(f"| {' | '.join(_cell(str(cell)) for cell in cells)} |")
    return "\n".join(lines) + "\n"


_Row = tuple[str, str, str, str, dict[str, str]]


def _columns(study: Study) -> Iterator[_Row]:
    for schema in _SCHEMAS:
        for column in schema.columns:
            yield (schema.name, column.name, "", column.description, {})
        if "text_" in schema.prefixes:
            for language in study.languages:
                yield (schema.name, f"text_{language}", "", f"the text that people read in {language}", {})


def _ratings(study: Study) -> Iterator[_Row]:
    for dimension in study.dimensions:
        meaning = f"a good response is rated {dimension.desirable}"
        source = f"; definition after {dimension.source}" if dimension.source else ""
        yield ("ratings", "dimension", dimension.key, meaning + source, dimension.statement)
        yield ("ratings", "dimension", dimension.key, "definition shown beside it", dimension.definition)
    for value, label in enumerate(study.scale.labels, start=1):
        yield ("ratings", "value", str(value), "", label)
    for number, check in enumerate(study.attention_checks, start=1):
        meaning = f"attention check {number}, after {check.after}; passed with {check.wanted}"
        yield ("ratings", "attention", "", meaning, check.text)


def _people(study: Study, limits: Limits) -> Iterator[_Row]:
    yield ("raters", "instrument_version", "", "version of the instrument that the person met", {})
    for flag, meaning in limits.wording().items():
        yield ("raters", "flags", flag, meaning, {})
    yield ("raters", "flags", "unfinished", "left before the end", {})
    declined = {language: words(language)["undeclared"] for language in study.languages if language in ("en", "de")}
    for demographic in study.demographics:
        empty = "asked of the person; empty: not asked, or left out to protect them"
        yield ("raters", demographic.key, "", empty, demographic.question)
        for option in demographic.options:
            yield ("raters", demographic.key, option.code, _merging(demographic.merges, option.code), option.label)
        yield ("raters", demographic.key, UNDECLARED, "preferred not to say", declined)


def _merging(merges: object, code: str) -> str:
    taken = merges.get(code, ()) if hasattr(merges, "get") else ()
    return f"where merged: {', '.join(taken)}" if taken else ""


def _contexts(study: Study) -> Iterator[_Row]:
    for context in study.contexts:
        yield ("items", "context", context.key, "label", context.label)
        if context.instruction is not None:
            yield ("items", "context", context.key, "what the model was told", context.instruction)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
