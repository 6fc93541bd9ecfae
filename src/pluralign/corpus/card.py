"""The data card of a corpus: what is in it, where it comes from, what was left out, what it cannot show.

In the spirit of Gebru et al. 2021 (Datasheets for Datasets), as far as it can be told from the tables. It holds counts
and names, never a text of the corpus, and is the same for the same tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pluralign import __version__
from pluralign.corpus.selection.choose import REASONS
from pluralign.wording import counted

_WARNING = (
    "**Content warning.** Prompts and responses may be offensive, sexual, violent or discriminatory: many sources were "
    "made to provoke such answers. Show them to people only with a warning and a way out."
)
_TOPICS_SHOWN = 15
_MOST_FROM_ONE = 0.5

Row = Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What the card is about: ``title``, tables, ``languages`` of the study.

    ``sources``: a mapping with ``place, read, dropped`` for each import. ``selection``: ``rules`` and numbers
    ``dropped`` by reason, None where the prompts are all that were imported. ``digests``: SHA-256 of the tables.
    """

    title: str
    prompts: pd.DataFrame
    items: pd.DataFrame | None
    languages: Sequence[str]
    sources: Sequence[Mapping[str, Any]] = ()
    selection: Mapping[str, Any] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


def card(corpus: Corpus) -> str:
    """The card as Markdown."""
    sections = (
        _head(corpus),
        _sources(corpus.prompts),
        _texts(corpus),
        _topics(corpus.prompts),
        _responses(corpus),
        _review(corpus.items),
        _left_out(corpus),
        _limits(corpus),
        _making(corpus),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(corpus: Corpus) -> str:
    prompts, items = corpus.prompts, corpus.items
    held_out = int((prompts["split"] == "held-out").sum())
    rows: list[Row] = [
        ("prompts", len(prompts)),
        ("of these held out (no model is tuned on them)", held_out),
        ("responses", 0 if items is None else len(items)),
        ("sources", prompts["source"].nunique()),
        ("languages of the study", ", ".join(corpus.languages)),
    ]
    return f"# Data card: {corpus.title}\n\n{_WARNING}\n\n{_table(('what', 'number'), rows)}"


def _sources(prompts: pd.DataFrame) -> str:
    rows: list[Row] = []
    for (source, licence), part in prompts.groupby(["source", "licence"], sort=True):
        held_out = int((part["split"] == "held-out").sum())
        rows.append((source, licence, len(part), len(part) - held_out, held_out))
    table = _table(("source", "licence", "prompts", "train", "held-out"), rows)
    return f"## Sources and licences\n\n{table}\n\nA source's terms hold for its prompts and for translations of them."


def _texts(corpus: Corpus) -> str:
    rows: list[Row] = []
    for what, frame in (("prompts", corpus.prompts), ("responses", corpus.items)):
        for name in _text_columns(frame):
            assert frame is not None
            language = name.removeprefix("text_")
            texts = frame[name].dropna()
            lengths = texts.str.len().quantile([0.5, 0.9]).round().fillna(0).astype(int).tolist()
            rows.append((language, what, len(texts), *lengths, _origins(frame, language)))
    columns = ("language", "of", "texts", "characters (median)", "characters (90 %)", "origin")
    return f"## Languages\n\n{_table(columns, rows)}"


def _origins(frame: pd.DataFrame, language: str) -> str:
    column = f"origin_{language}"
    return _counted(frame[column].dropna()) if column in frame.columns else ""


def _topics(prompts: pd.DataFrame) -> str:
    named = prompts["topics"].str.split(";").explode()
    counts = _by_number(named[named.notna() & (named != "")])
    if not counts:
        return ""
    rest = len(counts) - _TOPICS_SHOWN
    more = f"\n\n{rest} more are rarer." if rest > 0 else ""
    return f"## Topics\n\nAs the sources name them.\n\n{_table(('topic', 'prompts'), counts[:_TOPICS_SHOWN])}{more}"


def _responses(corpus: Corpus) -> str:
    items = corpus.items
    if items is None or items.empty:
        return "## Responses\n\nThere are none yet."
    held_out = corpus.prompts.loc[corpus.prompts["split"] == "held-out", "prompt"]
    named = items.assign(context=items["context"].where(items["context"].notna(), "–"))
    rows: list[Row] = []
    for (context, model), part in named.groupby(["context", "model"], sort=True):
        aside = int(part["prompt"].isin(held_out).sum())
        rows.append((context, model, len(part), part["prompt"].nunique(), len(part) - aside, aside))
    columns = ("perspective", "model", "responses", "prompts", "train", "held-out")
    return f"## Responses\n\n{_table(columns, rows)}"


def _review(items: pd.DataFrame | None) -> str:
    if items is None or items.empty:
        return ""
    rows: list[Row] = [("all languages", _counted(items["review"]))]
    for name in sorted(str(each) for each in items.columns if str(each).startswith("review_")):
        rows.append((name.removeprefix("review_"), _counted(items[name].dropna())))
    if "severity" in items.columns:
        rows.append(("severity", _counted(items["severity"].dropna())))
    return f"## Review by people\n\n{_table(('of', 'outcome'), rows)}"


def _left_out(corpus: Corpus) -> str:
    rows: list[Row] = []
    for entry in corpus.sources:
        for reason, count in sorted(entry["dropped"].items()):
            rows.append((f"import of {entry['place']} ({entry['read']} read)", reason, count))
    if corpus.selection is not None:
        counts = corpus.selection["dropped"]
        rows += [("selection", reason, counts[reason]) for reason in REASONS if counts.get(reason)]
    if not rows:
        return "## What was left out\n\nNothing that is known of."
    table = _table(("step", "reason", "number"), rows)
    where = " `dropped.csv` names each prompt that the selection left out." if corpus.selection else ""
    return f"## What was left out, and why\n\n{table}\n\nBroken lines are in `rejected-lines.jsonl`.{where}"


def _limits(corpus: Corpus) -> str:
    prompts, items = corpus.prompts, corpus.items
    found = []
    source, largest = _by_number(prompts["source"])[0]
    if largest / len(prompts) > _MOST_FROM_ONE and prompts["source"].nunique() > 1:
        found.append(f"{largest / len(prompts):.0%} of the prompts come from one source, {source}.")
    unstated = int((prompts["licence"] == "not stated").sum())
    if unstated:
        found.append(f"The licence of {counted(unstated, 'prompt')} is not stated; ask before passing them on.")
    bound = sorted({str(each) for each in prompts["licence"] if re.search(r"\b(NC|SA|ND)\b", str(each))})
    if bound:
        found.append(f"Some licences bind those who pass the texts on: {', '.join(bound)}.")
    found += _missing_texts(corpus)
    if items is not None and (waiting := int((items["review"] == "unreviewed").sum())):
        found.append(f"{counted(waiting, 'response was', 'responses were')} not reviewed by people.")
    if corpus.selection is None:
        found.append("The prompts went through no selection; near duplicates may be on both sides of the split.")
    else:
        found += _limits_of_rules(corpus.selection["rules"])
    found.append("Sources were written at certain times and places, mostly in English; they stand for no population.")
    return "## Known limits\n\n" + "\n".join(f"- {each}" for each in found)


def _limits_of_rules(rules: Mapping[str, Any]) -> list[str]:
    found = []
    if rules["words"] is not None:
        found.append(
            "Prompts were kept by whole words. A list misses what is said in other words, and keeps words in other "
            "senses; in a sample of 300 prompts labelled by hand the built-in English list found half of the prompts "
            "that speak of a gender in any words."
        )
    if rules["near_duplicates"] is not None:
        found.append(
            f"Texts less alike than {rules['near_duplicates']} (Jaccard index of five-character pieces) both stay; the "
            "search misses a few pairs near that bound."
        )
    return found


def _missing_texts(corpus: Corpus) -> list[str]:
    found = []
    for what, frame in (("prompts", corpus.prompts), ("responses", corpus.items)):
        for language in corpus.languages if frame is not None else ():
            assert frame is not None
            there = int(frame[f"text_{language}"].notna().sum()) if f"text_{language}" in frame.columns else 0
            if there < len(frame):
                found.append(f"{len(frame) - there} of {len(frame)} {what} have no text in {language}.")
    return found


def _making(corpus: Corpus) -> str:
    rows: list[Row] = [("pluralign", __version__)]
    rules = corpus.selection["rules"] if corpus.selection else {}
    for name, value in sorted(rules.items()):
        none = {"words": "no filter by words" if value is None else "built-in lists"}.get(name, "–")
        rows.append((f"rule: {name}", none if value in (None, {}, [], ()) else value))
    rows += [(f"SHA-256 of {name}", f"`{digest}`") for name, digest in sorted(corpus.digests.items())]
    return f"## How it was made\n\n{_table(('what', 'value'), rows)}"


def _text_columns(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None else sorted(str(name) for name in frame.columns if str(name).startswith("text_"))


def _by_number(values: pd.Series[Any]) -> list[tuple[str, int]]:
    """Values with their counts, most frequent first, by name where equally frequent."""
    counts = [(str(value), int(count)) for value, count in values.value_counts().items()]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def _counted(values: pd.Series[Any]) -> str:
    return ", ".join(f"{value} {count}" for value, count in _by_number(values))


def _table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    head = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join(head + ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows])


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
