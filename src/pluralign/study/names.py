"""The names used in formulas and expressions, found without evaluating anything."""

from __future__ import annotations

import ast
import re
import warnings

_RANDOM = re.compile(r"\(([^()|]*)\|([^()|]*)\)")


def names_in_expression(expression: str) -> tuple[str, ...]:
    """Names in an expression on the raters' columns, each once; ValueError says why it cannot be read."""
    return _names(parsed(expression))


def values_in_expression(expression: str) -> tuple[tuple[str, str], ...]:
    """Pairs (name, text) that an expression compares with each other; ValueError says why it cannot be read."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(parsed(expression)):
        if isinstance(node, ast.Compare):
            parts = [inner for side in (node.left, *node.comparators) for inner in _flat(side)]
            names = [part.id for part in parts if isinstance(part, ast.Name)]
            texts = [part.value for part in parts if isinstance(part, ast.Constant)]
            found += [(name, text) for name in names for text in texts if isinstance(text, str)]
    return tuple(found)


def names_in_formula(formula: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Response, names of fixed terms and grouping factors of a formula; ValueError says why it cannot be read."""
    response, tilde, right = formula.partition("~")
    if not tilde or "~" in right:
        raise ValueError("needs exactly one ~, with the response to its left and the terms to its right")
    groups: list[str] = []
    for intercept, group in _RANDOM.findall(right):
        if intercept.strip() != "1" or not group.strip().isidentifier():
            raise ValueError(f"holds ({intercept}|{group}); the only random effects are intercepts, (1 | name)")
        groups.append(group.strip())
    if "|" in (fixed := _RANDOM.sub("1", right)):
        raise ValueError("holds a | outside parentheses; a random intercept is written (1 | name)")
    return response.strip(), _names(parsed(fixed.replace(":", "*"))), tuple(dict.fromkeys(groups))


def parsed(text: str) -> ast.Expression:
    """The tree of an expression, of which nothing is run; ValueError says why it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd escapes in quotes; the text is only read, never run
            return ast.parse(" ".join(text.split()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply or holds odd characters"
        raise ValueError(f"cannot be read: {reason}") from None


def _names(tree: ast.Expression) -> tuple[str, ...]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions)
    return tuple(dict.fromkeys(names))


def _flat(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
