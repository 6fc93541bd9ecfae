"""Prompts from a source: read record by record, without repeats, what cannot be used set apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pluralign.corpus.sources import Kind, kind_named
from pluralign.corpus.sources.kinds import Draft, Fields, PassedOverError, UnusableError, parsed_whole
from pluralign.corpus.sources.own import check_columns, draft
from pluralign.corpus.sources.records import (
    Reason,
    Record,
    Rejected,
    csv_records,
    decoded,
    json_records,
    suffix,
)
from pluralign.corpus.sources.table import table
from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.wording import counted

OWN, HUB = "file", "huggingface"
"""Kinds of source beside the published collections: a layout of one's own, and data sets of the Hugging Face Hub."""

_JSON = (".jsonl", ".ndjson", ".json")
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_ADVICE = "Correct them, or keep them apart and go on (--broken aside)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a source is read.

    ``names`` maps columns of the table of prompts to fields of the file; ``source`` and ``licence`` stand for all rows
    where neither they nor the kind say otherwise. ``aside`` keeps broken lines apart instead of stopping at them.
    ``config`` and ``part`` choose among the data of a data set of the Hub, ``layout`` is the kind it is laid out as.
    """

    language: str
    held_out: float = 0.25
    seed: int = 0
    encoding: str = "utf-8"
    names: Mapping[str, str] | None = None
    source: str | None = None
    licence: str | None = None
    aside: bool = False
    config: str | None = None
    part: str = "train"
    layout: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """Prompts (``sources.table.IMPORTED``), the records read, how many were left out by reason, and broken lines."""

    prompts: pd.DataFrame
    read: int
    dropped: dict[str, int]
    rejected: list[dict[str, object]]


def read_source(kind: str, place: str | Path, options: Options) -> Imported:
    """Read prompts from a file of a published collection, a file of one's own (``file``), or the Hub (``huggingface``).

    A file of one's own is CSV with a header, or JSON Lines (``.jsonl``, ``.ndjson``, ``.json``), packed with gzip or xz
    or not. The column ``text_<language>``, or ``text`` for short, is needed; optional are texts in other languages,
    ``prompt`` (an identifier; else one is made of the text), ``source`` (else the name of the file), ``source_id``,
    ``licence`` (else "not stated"), ``topics`` (separated by semicolons) and ``split`` (``train`` or ``held-out``).

    Without a stated split each prompt is held out with probability ``held_out``, decided by a hash of ``seed`` and its
    identifier: it stays on its side when prompts are added or their order changes.

    Raises SchemaError where the file is absent, laid out otherwise or has broken lines (unless they go ``aside``), or
    one identifier stands for different texts; ConfigError for options that cannot be; DataError where nothing is left.
    """
    if not 0 <= options.held_out < 1:
        raise ConfigError(f"held-out is {options.held_out}; it is a share of the prompts, from 0 up to but not 1.")
    layout = _layout(kind, options)
    found, rejected, licence = _records(kind, place, layout, options)
    where = str(place)
    if not found and not rejected:
        raise DataError(f"{where}: there are no rows. Add prompts, one a row.")
    read = _reader(layout, found, options, where)
    drafts, unusable, passed_over = _drafts(found, read, layout)
    rejected = sorted([*rejected, *unusable], key=lambda each: each.line)
    if rejected and not options.aside:
        raise SchemaError(_said(rejected, where))
    if not drafts:
        raise DataError(f"{where}: there is no prompt with text among {len(found) + len(rejected)} rows. Add one.")
    name = where if kind == HUB else Path(place).name
    for number, each in drafts:
        _complete(each, layout, options, licence, f"{name}:{number}")
    source = options.source or name
    only = [each for _, each in drafts]
    prompts, dropped = table(only, options.language, source, options.held_out, options.seed, where)
    if passed_over:
        dropped["no opening"] = passed_over
    entries = [each.entry(name, options.encoding) for each in rejected]
    return Imported(prompts, len(found) + len(rejected) - len(unusable), dropped, entries)


def _layout(kind: str, options: Options) -> Kind | None:
    """How the records are laid out; None for columns of the user's own."""
    if kind == HUB:
        return None if options.layout is None else kind_named(options.layout)
    return None if kind == OWN else kind_named(kind)


def _records(
    kind: str, place: str | Path, layout: Kind | None, options: Options
) -> tuple[list[Record], list[Rejected], str]:
    if kind == HUB:
        from pluralign.corpus.sources.hub import hub_records

        found, licence = hub_records(str(place), config=options.config, split=options.part)
        return found, [], licence
    path = Path(place)
    text = decoded(path, options.encoding)
    if layout is not None and layout.nested is not None:
        rows = parsed_whole(text, layout)
        if rows is None:
            raise SchemaError(
                f"{path}: this is not laid out as {kind}, one JSON object of categories, names and texts."
            )
        return [Record(number, row, repr(row)) for number, row in enumerate(rows, 1)], [], ""
    as_json = suffix(path) in _JSON
    found, rejected = json_records(text, options.encoding) if as_json else csv_records(text, options.encoding, path)
    return found, rejected, ""


def _reader(layout: Kind | None, found: Sequence[Record], options: Options, where: str) -> Callable[[Fields], Draft]:
    """How a record becomes a draft; SchemaError where the records are laid out otherwise."""
    fields = list(dict.fromkeys(name for record in found for name in record.fields))
    if layout is not None:
        missing = [name for name in layout.needs if fields and name not in fields]
        if missing:
            raise SchemaError(
                f"{where}: this is not laid out as {layout.name}, which has {', '.join(layout.needs)}; there is no "
                f"{missing[0]}, found {', '.join(fields)}. Name another kind, or import it as a file with --map."
            )
        return layout.read
    names = options.names
    if names is None:
        if fields:
            check_columns(fields, options.language, where)
    elif fields and (absent := [field for field in names.values() if field not in fields]):
        raise SchemaError(f"{where}: there is no field {absent[0]}, to which --map refers; found {', '.join(fields)}.")
    return lambda record: draft(record, names)


def _drafts(
    found: Sequence[Record], read: Callable[[Fields], Draft], layout: Kind | None
) -> tuple[list[tuple[int, Draft]], list[Rejected], int]:
    drafts: list[tuple[int, Draft]] = []
    unusable: list[Rejected] = []
    passed_over = 0
    for record in found:
        missing = next((name for name in (layout.needs if layout else ()) if record.fields.get(name) is None), None)
        try:
            if missing is not None:
                raise UnusableError(f"without {missing}")
            drafts.append((record.line, _writable(read(record.fields))))
        except PassedOverError:
            passed_over += 1
        except UnusableError as error:
            unusable.append(Rejected(record.line, Reason(f"is {error}", f"are {error}", _ADVICE), record.text))
    return drafts, unusable, passed_over


def _writable(found: Draft) -> Draft:
    """The draft, unless it holds what no file or database takes: NUL, or half of a character in two parts."""
    if any(value and _NO_CHARACTER.search(value) for value in found.values()):
        raise UnusableError("with characters that are no text")
    return found


def _complete(each: Draft, layout: Kind | None, options: Options, licence: str, place: str) -> None:
    """Fill in what the record does not say itself: source, licence, and where in the source it stands."""
    each["source"] = each.get("source") or options.source or (layout.source if layout else None)
    each["licence"] = each.get("licence") or options.licence or (layout.licence if layout else None) or licence or None
    if not each.get("source_id"):
        each["source_id"] = place


def _said(rejected: Sequence[Rejected], where: str) -> str:
    """What is said of broken lines: each reason with its number of lines and the first of them."""
    parts = []
    for reason, count in Counter(each.reason for each in rejected).items():
        first = next(each for each in rejected if each.reason == reason)
        phrase = (reason.one if count == 1 else reason.several).format(first.about)
        parts.append(f"{counted(count, 'line')} {phrase}, the first is line {first.line}")
    advice = rejected[0].reason.advice
    aside = "" if advice == _ADVICE else " Or keep such lines apart and go on (--broken aside)."
    return f"{where}: {'; '.join(parts)}. {advice}{aside}"
