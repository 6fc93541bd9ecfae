"""Checks of expressions on raters: the names and codes in them exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pluralign.study.names import names_in_expression, values_in_expression
from pluralign.study.problems import Path, Problem, not_among


def expression_problems(
    expression: str, known: Mapping[str, Collection[str]], columns: Sequence[str], path: Path, what: str
) -> Iterator[Problem]:
    """Mistakes of an expression that may name ``columns``, each of them a ``what``; ``known``: codes of a column."""
    try:
        names, compared = names_in_expression(expression), values_in_expression(expression)
    except ValueError as error:
        yield Problem(path, str(error))
        return
    if not names:
        yield Problem(path, f"names no {what}; allowed: {', '.join(columns)}")
    yield from (not_among(path, name, columns, verb="names") for name in names if name not in columns)
    for name, value in compared:
        if name in known and value not in known[name]:
            yield not_among(path, value, known[name], f"codes of {name}", verb="asks for")
