"""Formulas of cumulative link models: the response, the fixed part (by formulaic), random intercepts ``(1 | group)``.

``(1 | a:b)`` groups by the combinations of two columns; ``(1 | a/b)`` is short for ``(1 | a) + (1 | a:b)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import formulaic
from formulaic.errors import FormulaicError

from pluralign.errors import ConfigError

_NAME = r"[^\W\d]\w*(?:\.\w+)*"
_RANDOM = re.compile(rf"\(\s*(?P<effects>[^()|]*?)\s*\|\s*(?P<group>{_NAME}(?:\s*[:/]\s*{_NAME})*)\s*\)")


@dataclass(frozen=True, slots=True)
class Group:
    """A grouping factor: the column or columns whose combinations are its levels."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return ":".join(self.columns)


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula; ``fixed`` is formulaic's, with an intercept, which the thresholds later stand for."""

    text: str
    response: str
    fixed: formulaic.Formula
    fixed_columns: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the model needs, the response first."""
        names = [self.response, *self.fixed_columns]
        names += [column for group in self.groups for column in group.columns]
        return tuple(dict.fromkeys(names))


def parse(text: str) -> Formula:
    """Parse ``response ~ predictors + (1 | group)``. Raises ConfigError that says what cannot be read."""
    left, tilde, right = text.partition("~")
    response = left.strip().strip("`")
    if not tilde or not response or not right.strip():
        raise ConfigError(f"{text!r} is no model formula: write 'rating ~ predictors + (1 | rater)'.")
    if not re.fullmatch(_NAME, response):
        raise ConfigError(f"The left side of {text!r} must be one column, found {response!r}.")
    groups: list[Group] = []
    fixed_terms: list[str] = []
    for term in _terms(right):
        found = _RANDOM.fullmatch(term)
        if found:
            groups += _groups(text, found["effects"], found["group"])
        elif "|" in term:
            raise ConfigError(f"Cannot read the term {term!r} in {text!r}: a random intercept is written (1 | group).")
        elif term != "1":
            fixed_terms.append(term)
    repeated = [group.name for i, group in enumerate(groups) if group in groups[:i]]
    if repeated:
        raise ConfigError(f"The random term (1 | {repeated[0]}) stands twice in {text!r}; keep one.")
    fixed, columns = _fixed(text, fixed_terms)
    return Formula(" ".join(text.split()), response, fixed, columns, tuple(groups))


def _terms(right: str) -> list[str]:
    """The terms between plus signs that stand outside all brackets."""
    terms, depth, current = [], 0, ""
    for character in right:
        depth += (character in "([{") - (character in ")]}")
        if character == "+" and depth == 0:
            terms.append(current.strip())
            current = ""
        else:
            current += character
    terms.append(current.strip())
    return [term for term in terms if term]


def _groups(text: str, effects: str, group: str) -> list[Group]:
    if effects != "1":
        raise ConfigError(
            f"The random term ({effects} | {group}) in {text!r} is not available: only random intercepts "
            "(1 | group) are."
        )
    nested = [tuple(part.strip() for part in level.split(":")) for level in group.split("/")]
    return [Group(sum(nested[: depth + 1], ())) for depth in range(len(nested))]


def _fixed(text: str, terms: list[str]) -> tuple[formulaic.Formula, tuple[str, ...]]:
    try:
        fixed = formulaic.Formula(" + ".join(["1", *terms]))
        columns = tuple(sorted(str(name) for name in fixed.required_variables))
    except (FormulaicError, SyntaxError, ValueError) as error:
        raise ConfigError(f"Cannot read the predictors of {text!r}: {error}") from error
    if "1" not in [str(term) for term in fixed]:
        raise ConfigError(
            f"{text!r} takes the intercept away, but a cumulative model has thresholds in its place: leave out "
            "'0' or '- 1'."
        )
    return fixed, columns
