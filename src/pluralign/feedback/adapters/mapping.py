"""Any CSV file of ratings, with a mapping file that says what its columns mean (docs/how-to/import-ratings.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from pluralign.errors import ConfigError
from pluralign.feedback.adapters.assemble import Imported, assemble
from pluralign.feedback.adapters.files import read_csv
from pluralign.feedback.adapters.layout import Answers, Layout
from pluralign.study.base import SHAPES, Code, Key, Language, Model, Whole, Words
from pluralign.study.problems import Problem, not_among, shown
from pluralign.study.source import Source, SourceError, read_yaml


class Question(Model):
    """One demographic: its column and what its answers become. The name of the column alone will do."""

    column: Words
    codes: Mapping[str, Code] = {}
    undeclared: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data


class Prompt(Model):
    """Columns of the prompts: their identifier and their texts by language."""

    id: Words | None = None
    text: Mapping[Language, Words] = {}


class MappingFile(Model):
    """A mapping file: which file, and which of its columns is what."""

    file: Words
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    points: Whole = Field(ge=2)
    rater: Words
    item: Words | None = None
    prompt: Prompt = Prompt()
    response: Mapping[Language, Words] = Field(min_length=1)
    dimensions: Mapping[Key, Words] = {}
    dimension: Words | None = None
    value: Words | None = None
    values: Mapping[str, Whole] | None = None
    demographics: Mapping[Key, Question] = {}
    context: Words | None = None
    rater_language: Words | None = None
    seconds: Words | None = None
    position: Words | None = None
    source: Words = "imported"
    licence: Words = "not stated"
    model: Words = "not stated"


def files(path: Path) -> list[Path]:
    """The mapping file at ``path`` and the data file it names."""
    mapping, _ = _load(path)
    return [path, path.parent / mapping.file]


def read(path: Path, *, drop_invalid: bool, held_out: float, seed: int) -> Imported:
    """Read the CSV file that the mapping file at ``path`` names.

    Raises ConfigError where the mapping file is wrong or names a column that the data do not have.
    """
    mapping, source = _load(path)
    data = path.parent / mapping.file
    frame = read_csv(data, delimiter=mapping.delimiter)
    for where, column in _columns(mapping):
        if column not in frame.columns:
            raise _error(path, source, [not_among(where, column, frame.columns, f"columns of {data.name}")])
    return assemble(frame, _layout(mapping), data, drop_invalid=drop_invalid, held_out=held_out, seed=seed)


def _layout(mapping: MappingFile) -> Layout:
    return Layout(
        points=mapping.points,
        rater=mapping.rater,
        item=mapping.item,
        prompt=mapping.prompt.id,
        prompt_text=mapping.prompt.text,
        response=mapping.response,
        values=mapping.values,
        dimensions=mapping.dimensions,
        dimension=mapping.dimension,
        value=mapping.value,
        context=mapping.context,
        language_column=mapping.rater_language,
        seconds=mapping.seconds,
        position=mapping.position,
        demographics={
            key: Answers(each.column, each.codes, each.undeclared) for key, each in mapping.demographics.items()
        },
        source=mapping.source,
        licence=mapping.licence,
        model=mapping.model,
    )


def _columns(mapping: MappingFile) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every column that the mapping names, with the place where it does."""
    for name in ("rater", "item", "dimension", "value", "context", "rater_language", "seconds", "position"):
        column = getattr(mapping, name)
        if column is not None:
            yield (name,), column
    if mapping.prompt.id is not None:
        yield ("prompt", "id"), mapping.prompt.id
    for name, columns in (("response", mapping.response), ("dimensions", mapping.dimensions)):
        yield from (((name, key), column) for key, column in columns.items())
    yield from ((("prompt", "text", language), column) for language, column in mapping.prompt.text.items())
    yield from ((("demographics", key, "column"), each.column) for key, each in mapping.demographics.items())


def _load(path: Path) -> tuple[MappingFile, Source]:
    try:
        source = read_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; a mapping file that describes the CSV was expected."
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: this is a folder; give the mapping file that describes the CSV.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: this is not text in UTF-8. Give the mapping file, not the data.") from None
    except SourceError as error:
        raise ConfigError(f"{path}, line {error.line}: {error}. Give the mapping file, not the data.") from None
    if not isinstance(source.data, dict):
        raise ConfigError(
            f"{path}, line 1: a mapping file is a mapping (key: value). Give the mapping file, not the data."
        )
    if source.problems:
        raise _error(path, source, source.problems)
    try:
        mapping = MappingFile.model_validate(source.data)
    except ValidationError as error:
        raise _error(path, source, [_problem(details) for details in error.errors()]) from None
    problems = list(_contradictions(mapping))
    if problems:
        raise _error(path, source, problems)
    return mapping, source


def _contradictions(mapping: MappingFile) -> Iterator[Problem]:
    wide, long = bool(mapping.dimensions), mapping.dimension is not None and mapping.value is not None
    if wide == long or (mapping.dimension is None) != (mapping.value is None):
        yield Problem(
            (),
            "the mapping file must give either `dimensions` (a column of ratings for each) or both `dimension` and "
            "`value` (one row for each rating)",
        )
    for label, value in (mapping.values or {}).items():
        if not 1 <= value <= mapping.points:
            yield Problem(("values", label), f"is {value}; it must lie between 1 and points, {mapping.points}")
    taken = ("rater", "language", "origin", "weight", "flags", "item", "dimension", "value", "prompt", "context")
    yield from (
        Problem(("demographics", key), "has a name that means something else in the tables; choose another")
        for key in mapping.demographics
        if key in (*taken, "seconds", "position", "time", "attention", "model", "generation", "review")
    )


_EXPECTED = {
    "string_type": "text was expected",
    "int_type": "a whole number was expected",
    "string_too_long": "one character was expected",
    "string_too_short": "one character was expected",
    "too_short": "it needs at least one entry",
    "greater_than_equal": "it must be {ge} or more",
    "dict_type": "a mapping (key: value) was expected",
    "mapping_type": "a mapping (key: value) was expected",
    "model_type": "a mapping (key: value) was expected",
    "tuple_type": "a list was expected",
}


def _problem(details: ErrorDetails) -> Problem:
    """What one of pydantic's errors says, in our words."""
    path, kind, context = (
        tuple(part for part in details["loc"] if part != "[key]"),
        details["type"],
        details.get("ctx", {}),
    )
    if kind == "missing":
        return Problem(path, "is missing; add it")
    if kind == "extra_forbidden":
        inside: dict[str, type[Model]] = {"prompt": Prompt, "demographics": Question}
        known = inside.get(str(path[0]) if len(path) > 1 else "", MappingFile).model_fields
        return not_among(path, path[-1], known, "known keys", verb="is not a key here:")
    if kind == "string_pattern_mismatch":
        expected = f"expected {SHAPES[str(context['pattern'])].words}"
    else:
        expected = _EXPECTED.get(kind, details["msg"]).format(**context)
    return Problem(path, f"is {shown(details['input'])}; {expected}")


def _error(path: Path, source: Source, problems: list[Problem]) -> ConfigError:
    first: dict[Any, str] = {}
    for problem in problems:
        first.setdefault(problem.path, f"{path}, line {source.line(problem.path)}: {problem}")
    return ConfigError("\n".join(first.values()))
