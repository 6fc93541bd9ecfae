"""What the columns of a data set mean: the one description from which every adapter makes its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answers:
    """A question about the rater: the column with the answers and what they become.

    ``codes`` maps answers to codes, the others are made from their text (`pluralign.feedback.adapters.codes`);
    ``undeclared`` are the ways to say "prefer not to say". An empty cell means that the person was never asked.
    """

    column: str
    codes: Mapping[str, str] = field(default_factory=dict)
    undeclared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns of a frame: one row per rater and item (``dimensions``), or per rating (``dimension``, ``value``).

    ``dimensions`` maps dimensions to the columns of their ratings. ``values`` maps what stands in these columns to 1 to
    ``points``; without it they hold the numbers themselves. ``prompt_text`` and ``response`` map languages to columns.
    Without ``item`` an item is what has the same prompt and the same response; without ``prompt`` a prompt is what has
    the same text, and without texts of prompts every item has a prompt of its own.
    """

    points: int
    rater: str
    response: Mapping[str, str]
    values: Mapping[str, int] | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    dimension: str | None = None
    value: str | None = None
    item: str | None = None
    prompt: str | None = None
    prompt_text: Mapping[str, str] = field(default_factory=dict)
    context: str | None = None
    model_column: str | None = None
    language_column: str | None = None
    seconds: str | None = None
    seconds_per_unit: float = 1.0
    position: str | None = None
    first_position: int = 1
    demographics: Mapping[str, Answers] = field(default_factory=dict)
    source: str = "imported"
    licence: str = "not stated"
    model: str = "not stated"

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the texts, those of the responses first."""
        return tuple(dict.fromkeys([*self.response, *self.prompt_text]))
