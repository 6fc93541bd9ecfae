"""Conditions that could not be made: said at the end, after everything else is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pluralign.errors import PluralignError


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one condition has no pairs."""

    experiment: str
    condition: str
    error: PluralignError

    def line(self) -> dict[str, object]:
        """The line of ``preferences/problems.csv``."""
        return {"experiment": self.experiment, "condition": self.condition, "problem": str(self.error)}

    def __str__(self) -> str:
        return f"Experiment {self.experiment}, condition {self.condition}: {self.error}"


def together(problems: Sequence[Problem], others: int) -> PluralignError:
    """One error, of the first problem's kind, that tells all of them; the same problem is told once.

    ``others`` is the number of conditions that were made.
    """
    told = [str(problems[0])]
    said = {str(problems[0].error)}
    for problem in problems[1:]:
        if str(problem.error) not in said:
            told.append(str(problem))
        said.add(str(problem.error))
    if others:
        told.append(f"The pairs of the other conditions ({others}) are written.")
    return type(problems[0].error)("\n".join(told))
