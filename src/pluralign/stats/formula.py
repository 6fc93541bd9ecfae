"""Formulas of cumulative link models: the response, the fixed part (by formulaic) and random terms as in R.

``(1 | g)`` is a random intercept, ``(1 + x | g)`` or ``(x | g)`` an intercept and a slope with their correlation,
``(0 + x | g)`` a slope alone, ``(x || g)`` intercept and slope without correlation. ``(1 | a:b)`` groups by the
combinations of two columns; ``(1 | a/b)`` is short for ``(1 | a) + (1 | a:b)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import formulaic
from formulaic.errors import FormulaicError

from pluralign.errors import ConfigError

_NAME = r"[^\W\d]\w*(?:\.\w+)*"
_RANDOM = re.compile(
    rf"\(\s*(?P<effects>[^|]+?)\s*(?P<bar>\|\|?)\s*(?P<group>{_NAME}(?:\s*[:/]\s*{_NAME})*)\s*\)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Group:
    """A random term: the column or columns whose combinations are its levels, and the effects that vary between them.

    ``effects`` are right sides of formulas such as "1" or "1 + dose". Effects of different parts are uncorrelated;
    ``correlated`` says for each part whether its own are correlated with each other.
    """

    columns: tuple[str, ...]
    effects: tuple[str, ...] = ("1",)
    correlated: tuple[bool, ...] = (True,)

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
    slope_columns: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the model needs, the response first."""
        names = [self.response, *self.fixed_columns, *self.slope_columns]
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
            groups += _groups(text, found["effects"], found["bar"], found["group"])
        elif "|" in term:
            raise ConfigError(
                f"Cannot read the term {term!r} in {text!r}: a random intercept is written (1 | group), a random slope "
                "(1 + x | group)."
            )
        elif term != "1":
            fixed_terms.append(term)
    fixed, columns = _part(text, " + ".join(["1", *fixed_terms]))
    if "1" not in [str(term) for term in fixed]:
        raise ConfigError(
            f"{text!r} takes the intercept away, but a cumulative model has thresholds in its place: leave out "
            "'0' or '- 1'."
        )
    slopes = {name for group in groups for part in group.effects for name in _part(text, part)[1]}
    return Formula(" ".join(text.split()), response, fixed, columns, _joined(text, groups), tuple(sorted(slopes)))


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


def _groups(text: str, effects: str, bar: str, group: str) -> list[Group]:
    _part(text, effects)
    nested = [tuple(part.strip() for part in level.split(":")) for level in group.split("/")]
    columns = [sum(nested[: depth + 1], ()) for depth in range(len(nested))]
    return [Group(each, (" ".join(effects.split()),), (bar == "|",)) for each in columns]


def _joined(text: str, groups: list[Group]) -> tuple[Group, ...]:
    """Terms of the same factor become one, whose parts are uncorrelated with each other."""
    found: dict[tuple[str, ...], Group] = {}
    for group in groups:
        same = found.get(group.columns)
        if same is None:
            found[group.columns] = group
            continue
        if set(same.effects) & set(group.effects):
            raise ConfigError(
                f"The random term ({group.effects[0]} | {group.name}) stands twice in {text!r}; keep one."
            )
        found[group.columns] = Group(group.columns, same.effects + group.effects, same.correlated + group.correlated)
    return tuple(found.values())


def _part(text: str, part: str) -> tuple[formulaic.Formula, tuple[str, ...]]:
    try:
        parsed = formulaic.Formula(part)
        return parsed, tuple(sorted(str(name) for name in parsed.required_variables))
    except (FormulaicError, SyntaxError, ValueError) as error:
        raise ConfigError(f"Cannot read {part!r} in {text!r}: {error}") from error
