"""Who may take part: an expression on the demographics, such as ``age != 'under_18' and country in ['de', 'us']``.

It is written like ``whose`` of a condition and judged for one person from their answers; nothing is executed. "I prefer
not to say" is an answer like any other, the code ``undeclared``: ``!=`` and ``not in`` let it in, ``==`` and ``in`` do
not, unless the expression names it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pluralign.study.base import UNDECLARED
from pluralign.study.expression_checks import expression_problems
from pluralign.study.names import names_in_expression, parsed
from pluralign.study.problems import Path, Problem

if TYPE_CHECKING:
    from pluralign.study.model import Study

_GRAMMAR = "allowed are ==, !=, in, not in, and, or, not, parentheses, demographics, codes in quotes and lists of them"


def is_eligible(study: Study, answers: Mapping[str, str]) -> bool:
    """Whether somebody with these answers, of which none that the study goes by may be missing, may take part."""
    expression = study.recruitment.eligible if study.recruitment else None
    return expression is None or _holds(parsed(expression).body, answers)


def eligibility_problems(study: Study) -> Iterator[Problem]:
    """Mistakes of the expression: names and codes that do not exist, and what can be judged for nobody."""
    expression = study.recruitment.eligible if study.recruitment else None
    if expression is None:
        return
    path: Path = ("recruitment", "eligible")
    known = {demographic.key: (*demographic.codes, UNDECLARED) for demographic in study.demographics}
    found = list(expression_problems(expression, known, tuple(known), path, "demographic"))
    yield from found
    if not found:
        try:
            _holds(parsed(expression).body, dict.fromkeys(names_in_expression(expression), UNDECLARED))
        except ValueError as error:
            yield Problem(path, str(error))


def _holds(node: ast.expr, answers: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=joined, values=values):
            # Every part is looked at, so that trying the expression once finds a mistake in any of them.
            held = [_holds(value, answers) for value in values]
            return all(held) if isinstance(joined, ast.And) else any(held)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _holds(operand, answers)
        case ast.Compare(left=ast.Constant(), ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Name()]):
            turned = ast.Compare(left=node.comparators[0], ops=node.ops, comparators=[node.left])
            return _holds(turned, answers)
        case ast.Compare(left=ast.Name(id=name), ops=[comparison], comparators=[right]):
            held_by = answers[name] in _codes(comparison, right, node)
            return held_by if isinstance(comparison, ast.Eq | ast.In) else not held_by
    raise _refusal(node)


def _codes(comparison: ast.cmpop, right: ast.expr, around: ast.expr) -> list[str]:
    """The codes that an answer is compared with."""
    match comparison, right:
        case ast.Eq() | ast.NotEq(), ast.Constant(value=str(code)):
            return [code]
        case ast.In() | ast.NotIn(), ast.List(elts=listed) | ast.Tuple(elts=listed) | ast.Set(elts=listed):
            codes = [each.value for each in listed if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if codes and len(codes) == len(listed):
                return codes
    raise _refusal(around)


def _refusal(node: ast.expr) -> ValueError:
    return ValueError(f"holds {ast.unparse(node)}; {_GRAMMAR}")
