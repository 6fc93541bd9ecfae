"""Groups of raters by expressions on their columns, such as ``country == 'de' and age not in ('51-60', '60+')``.

Only comparisons of a column with constants, ``and``, ``or``, ``not`` and parentheses exist; nothing is executed. A
value that is not known (null) makes a comparison neither true nor false, and whoever is not known to belong to a
group is not in it: ``gender != 'he'`` and ``not gender == 'he'`` both leave out those who were never asked.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pluralign.errors import ConfigError

UNDECLARED = "undeclared"
_LONGEST = 2000
_SHOWN = 20
_GRAMMAR = "allowed are ==, !=, <, <=, >, >=, in, not in, and, or, not, parentheses, columns and constants"

_Mask = pd.Series
_Operation = Callable[[Any, Any], Any]
_COMPARISONS: dict[type[ast.cmpop], _Operation] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


def evaluate(
    expression: str, frame: pd.DataFrame, known: Mapping[str, Collection[str]] | None = None
) -> pd.Series[bool]:
    """For every row of ``frame``, whether it is known to satisfy the expression.

    ``known`` names values of text columns that are allowed although no row has them (the codes of a study);
    ``undeclared`` always is. Raises ConfigError for anything outside the grammar, for unknown columns and for unknown
    values of text columns, so that a misspelt group is an error and not an empty group.
    """
    result = _Evaluation(expression, frame, known or {}).of(_parse(expression))
    return result.fillna(False).astype(bool)


def parts(
    expression: str, frame: pd.DataFrame, known: Mapping[str, Collection[str]] | None = None
) -> list[tuple[str, int]]:
    """The parts of the expression that are joined by ``and`` at its top, each with the number of rows it holds for."""
    tree = _parse(expression)
    nodes = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    evaluation = _Evaluation(expression, frame, known or {})
    return [(ast.unparse(node), int(evaluation.of(node).fillna(False).sum())) for node in nodes]


def _parse(expression: str) -> ast.expr:
    if not expression.strip():
        raise ConfigError(f"An expression on raters is empty; {_GRAMMAR}.")
    if len(expression) > _LONGEST:
        raise ConfigError(f"An expression on raters has {len(expression)} characters; allowed are {_LONGEST}.")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply or holds odd characters"
        raise ConfigError(f"The expression {expression!r} cannot be read ({reason}); {_GRAMMAR}.") from error


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One expression on one frame. Masks are of pandas' nullable boolean type, whose logic knows "unknown"."""

    expression: str
    frame: pd.DataFrame
    known: Mapping[str, Collection[str]]

    def of(self, node: ast.expr) -> _Mask[Any]:
        """The mask of one part of the expression."""
        if isinstance(node, ast.BoolOp):
            return self._joined(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.of(node.operand)
        if isinstance(node, ast.Compare):
            return self._compared(node)
        raise self._refusal(node)

    def _joined(self, node: ast.BoolOp) -> _Mask[Any]:
        mask, *others = (self.of(value) for value in node.values)
        for other in others:
            mask = mask & other if isinstance(node.op, ast.And) else mask | other
        return mask

    def _compared(self, node: ast.Compare) -> _Mask[Any]:
        """A comparison, possibly chained: ``0.5 < weight <= 2`` is ``0.5 < weight and weight <= 2``."""
        sides = [node.left, *node.comparators]
        links = [
            self._link(left, comparison, right, node)
            for left, comparison, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        mask = links[0]
        for link in links[1:]:
            mask = mask & link
        return mask

    def _link(self, left: ast.expr, comparison: ast.cmpop, right: ast.expr, node: ast.Compare) -> _Mask[Any]:
        kind = type(comparison)
        if isinstance(left, ast.Name) and kind in (ast.In, ast.NotIn):
            return self._member(left.id, right, kind, node)
        if isinstance(right, ast.Name) and not isinstance(left, ast.Name) and kind in _COMPARISONS:
            left, right, kind = right, left, _FLIPPED.get(kind, kind)
        if not isinstance(left, ast.Name) or kind not in _COMPARISONS:
            raise self._refusal(node)
        values = self._column(left.id)
        constant = self._constant(right, node)
        self._fits(left.id, values, constant)
        if isinstance(constant, str) and kind not in (ast.Eq, ast.NotEq):
            raise ConfigError(
                f"The expression {self.expression!r} asks for an order of {left.id}, whose values are words; "
                "name them: in ('…', '…')."
            )
        compared = pd.Series(_COMPARISONS[kind](values, constant), index=values.index)
        return compared.astype("boolean").mask(values.isna())

    def _member(self, name: str, listed: ast.expr, kind: type[ast.cmpop], node: ast.Compare) -> _Mask[Any]:
        if not isinstance(listed, ast.Tuple | ast.List | ast.Set) or not listed.elts:
            raise ConfigError(
                f"The expression {self.expression!r} needs a list after in: {name} in ('…', '…'), with a comma even "
                "after a single value."
            )
        values = self._column(name)
        constants = [self._constant(element, node) for element in listed.elts]
        for constant in constants:
            self._fits(name, values, constant)
        found = values.isin(constants).astype("boolean").mask(values.isna())
        return ~found if kind is ast.NotIn else found

    def _column(self, name: str) -> pd.Series[Any]:
        if name not in self.frame.columns:
            columns = ", ".join(str(column) for column in self.frame.columns)
            raise ConfigError(
                f"The expression {self.expression!r} names {name}, which is no column; there are: {columns}."
            )
        return self.frame[name]

    def _constant(self, node: ast.expr, around: ast.expr) -> str | float:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._constant(node.operand, around)
            if not isinstance(inner, str):
                return -inner
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str | int | float)
            and not isinstance(node.value, bool)
        ):
            return node.value
        if isinstance(node, ast.Name):
            raise ConfigError(
                f"The expression {self.expression!r} compares with {node.id} without quotes; words need them: "
                f"'{node.id}'."
            )
        raise self._refusal(around)

    def _fits(self, name: str, values: pd.Series[Any], constant: str | float) -> None:
        """Refuse a constant that the column cannot hold."""
        if pd.api.types.is_numeric_dtype(values):
            if isinstance(constant, str):
                raise ConfigError(
                    f"The expression {self.expression!r} compares {name}, which holds numbers, with {constant!r}."
                )
            return
        allowed = {str(value) for value in values.dropna().unique()} | set(self.known.get(name, ()))
        if constant not in allowed and constant != UNDECLARED:
            listed = sorted(allowed)
            shown = ", ".join(repr(value) for value in listed[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
            raise ConfigError(
                f"The expression {self.expression!r} names {constant!r}, which is no value of {name}; there are: "
                f"{shown or 'none, the column is empty'}."
            )

    def _refusal(self, node: ast.expr) -> ConfigError:
        return ConfigError(f"The expression {self.expression!r} holds {ast.unparse(node)!r}; {_GRAMMAR}.")
