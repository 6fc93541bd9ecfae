"""The reference page of the study file, written from its models."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pluralign.study.base import SHAPES, Model, Text
from pluralign.study.model import Study

_HEAD = """# The study file

`study.yaml` is one YAML file that says everything about a study. This page lists every key. How to write one is told in
[Write a study file](../how-to/write-a-study-file.md).

- A text is a mapping from language to wording, `{en: Agree, de: Stimme zu}`, and must be given in every language listed
  under `languages`, and in no other.
- A _word_ is text of a certain shape; the table at the end has them all.
- Unknown keys, keys given twice and settings that nothing would read are mistakes. Every mistake is reported with its
  line.
- YAML 1.2: only `true` and `false` are switches, `no` is text. Anchors, aliases and tags are not read.

This page is written by `docs/generate.py`; edit the descriptions in `pluralign/study` instead.
"""
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
_LIMITS = {
    "ge": "{} or more",
    "gt": "above {}",
    "le": "{} or less",
    "lt": "below {}",
    "min_length": "{} or more of them",
}


def reference_page() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *(_section(path, model) for path, model in _sections(Study, "")), _shapes()])


def _shapes() -> str:
    rows = [f"| _{shape.name}_ | {shape.words} |" for shape in SHAPES.values()]
    return "\n".join(["## Words", "", "| word | what it may hold |", "|---|---|", *rows, ""])


def _sections(model: type[Model], path: str) -> Iterator[tuple[str, type[Model]]]:
    """Every model in the study file with the path at which it stands, outermost first."""
    yield path, model
    for name, kind in typing.get_type_hints(model, include_extras=True).items():
        is_list = "[]" if typing.get_origin(kind) is tuple else ""
        for inner in (kind, *typing.get_args(kind)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _sections(typing.cast("type[Model]", inner), f"{path}{name}{is_list}.")


def _section(path: str, model: type[Model]) -> str:
    title = f"`{path.removesuffix('.')}`" if path else "The file"
    summary = (model.__doc__ or "").partition("\n")[0]
    hints = typing.get_type_hints(model, include_extras=True)
    rows = [_row(name, hints[name], field) for name, field in model.model_fields.items()]
    head = ["| key | value | if left out | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", summary, "", *head, *rows, ""])


def _row(name: str, kind: Any, field: FieldInfo) -> str:
    limits = _limits(field.metadata)
    value = _kind(kind) + ("" if not limits or limits in _kind(kind) else f", {limits}")
    cells = (f"`{name}`", value, _default(field), field.description or "")
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is PydanticUndefined:
        return "must be given"
    if default is None or default in ((), {}):
        return "none"
    if isinstance(default, Model):
        return "as below"
    return f"`{json.dumps(default)}`"


def _kind(kind: Any) -> str:
    """What values of a type are called."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _annotated(inner[0], inner[1:])
    if origin in (typing.Union, types.UnionType):
        return _kind(next(part for part in inner if part is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (tuple, Mapping):
        several = "list: " if origin is tuple else f"{_kind(inner[0])} → "
        return several + _kind(inner[0] if origin is tuple else inner[1])
    return "text per language" if kind is Text else _PLAIN.get(kind, "mapping")


def _annotated(base: Any, metadata: Sequence[Any]) -> str:
    shape = next((SHAPES[str(part.pattern)] for part in metadata if isinstance(part, StringConstraints)), None)
    limits = _limits([limit for part in metadata for limit in getattr(part, "metadata", [part])])
    return f"_{shape.name}_" if shape else ", ".join(filter(None, [_kind(base), limits]))


def _limits(metadata: Sequence[Any]) -> str:
    said = [
        words.format(getattr(part, limit))
        for part in metadata
        for limit, words in _LIMITS.items()
        if getattr(part, limit, None) is not None
    ]
    return ", ".join(said)
