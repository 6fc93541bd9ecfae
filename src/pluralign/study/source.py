"""YAML as it is read here: plain data, and the line on which each part stands.

Read by the rules of YAML 1.2, as editors do: only ``true`` and ``false`` are switches (``no`` is text), ``1e-4`` is a
number, dates are text, keys are always text. Anchors and tags are refused: every text stands where it is used.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pluralign.study.problems import Path, Problem

_SCALARS = (
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789")),
    (
        "float",
        re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.inf$|^\.nan$"),
        list("-+.0123456789"),
    ),
)
_TAG = "tag:yaml.org,2002:"
_LONGEST_NUMBER = 300


class SourceError(Exception):
    """Raised when a text is not YAML of the kind read here; ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own)

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            name = event.anchor
            raise SourceError(line, f"anchors and aliases (&{name}, *{name}) are not read; write the text out")
        if getattr(event, "tag", None) is not None:
            raise SourceError(line, "tags (words that begin with !) are not read; put such text in quotes")
        return super().compose_node(parent, index)


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, _first)


class Source:
    """A YAML document: its data and the lines of its parts."""

    def __init__(self, root: Node | None) -> None:
        self._root = root
        self.problems: list[Problem] = []
        self.data = self._value(root, ()) if root is not None else None

    def line(self, path: Path) -> int:
        """Line (from 1) of the part at this path, or of the nearest part around it."""
        node, line = self._root, 1
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return line

    def _value(self, node: Node, path: Path) -> Any:
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._value(inner, (*path, index)) for index, inner in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise SourceError(line, "a list or mapping cannot be a key; a key is a word followed by a colon")
            if key.value in lines:
                first = lines[key.value]
                self.problems.append(
                    Problem((*path, key.value), f"stands twice, first on line {first}; keep one of them")
                )
                continue
            lines[key.value] = line
            data[key.value] = self._value(value, (*path, key.value))
        return data


def read_yaml(text: str) -> Source:
    """Read YAML; SourceError with the line where it cannot be read."""
    try:
        loader = _Loader(text)
        try:
            return Source(loader.get_single_node())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise SourceError(*_syntax(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SourceError(line, "there is a character that YAML does not allow") from None
    except RecursionError:
        raise SourceError(1, "the file is nested too deeply") from None


def _syntax(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = str(error.problem or error.context)
    if "'\\t'" in problem:
        return line, "a tab indents this line; YAML is indented with blanks only"
    if isinstance(error, yaml.composer.ComposerError):
        return line, "a second document begins with ---; a study file is one document"
    if re.search(r"expected ',' or .*got '[?[{]'", problem):
        return line, "text within { } or [ ] needs quotes around it when it holds ? [ ] { } or a comma"
    began = error.context_mark.line + 1 if error.context_mark else line
    around = f"; look also at line {began}, where the part around it begins" if began < line else ""
    return line, f"this is not YAML: {problem}{around}"


def _scalar(node: Node) -> Any:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in {"int", "float"} and len(text) > _LONGEST_NUMBER:
        raise SourceError(node.start_mark.line + 1, f"a number of {len(text)} digits is too long")
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _child(node: Node | None, part: str | int) -> tuple[Node, int] | None:
    """The node under a key or at a position, and the line of the key or of the list's entry."""
    if isinstance(node, MappingNode):
        for key, value in reversed(node.value):
            if key.value == part:
                return value, key.start_mark.line + 1
    elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None
