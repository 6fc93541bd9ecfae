"""Who has rated what: a table of items or prompts against groups of raters or perspectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pluralign.errors import ConfigError
from pluralign.stats.labels import Labels
from pluralign.study import UNDECLARED, Study
from pluralign.survey.release.collected import Collected

CONTEXT = "context"
PER_PAGE = 50
_OPEN, _NONE = "(not answered)", "(none)"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its key, numbers per column, their sum, and how many raters are wanted for it."""

    key: str
    numbers: tuple[int, ...]
    total: int
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The table. ``rows`` are those of one page, least rated first; ``most`` is the largest number in the table.

    ``spread``: how many rows have how many raters, from the fewest to the most.
    """

    by: str
    what: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: tuple[int, ...]
    most: int
    n_rows: int
    page: int
    pages: int
    spread: tuple[tuple[int, int], ...]


def choices(study: Study) -> tuple[tuple[str, str], ...]:
    """What the columns may be: perspectives, where there are any, and demographics, each with its name."""
    labels = Labels(study, study.languages[0])
    contexts = ((CONTEXT, "Perspective"),) if study.contexts else ()
    return (*contexts, *((key, labels.demographic(key)) for key in study.demographic_keys))


def coverage(collected: Collected, study: Study, by: str, page: int = 1) -> Coverage:
    """Raters per item (by a demographic) or per prompt (by perspective). Raises ConfigError for an unknown ``by``."""
    known = [key for key, _ in choices(study)]
    if by not in known:
        raise ConfigError(f'Coverage by "{by}" is not known; choose {", ".join(known)}.')
    table, wanted = _by_context(collected) if by == CONTEXT else _by_group(collected, by)
    order, names = _columns(study, by, table.columns.tolist())
    table = table.reindex(columns=order, fill_value=0)
    totals = table.sum(axis=1)
    table = table.loc[totals.sort_values(kind="stable").index]
    pages = max(1, -(-len(table) // PER_PAGE))
    page = min(max(1, page), pages)
    here = table.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]
    counts = totals.value_counts().sort_index()
    return Coverage(
        by=by,
        what="prompt" if by == CONTEXT else "item",
        columns=tuple(names),
        rows=tuple(
            Row(str(key), tuple(int(n) for n in values), int(sum(values)), int(wanted[key]))
            for key, values in zip(here.index, here.to_numpy().tolist(), strict=True)
        ),
        totals=tuple(int(n) for n in table.sum(axis=0)),
        most=int(table.to_numpy().max()) if table.size else 0,
        n_rows=len(table),
        page=page,
        pages=pages,
        spread=tuple((int(str(raters)), int(rows)) for raters, rows in counts.items()),
    )


def _by_group(collected: Collected, demographic: str) -> tuple[pd.DataFrame, pd.Series]:
    """Raters of each group per item."""
    whole = collected.given[collected.given["complete"]].merge(
        collected.people[["participant", demographic]], on="participant"
    )
    groups = whole[demographic].where(whole[demographic].notna(), _OPEN)
    items = collected.items[collected.items["active"]].set_index("item")
    table = pd.crosstab(whole["item"], groups) if len(whole) else pd.DataFrame(index=items.index[:0])
    return table.reindex(index=items.index, fill_value=0), items["cap"]


def _by_context(collected: Collected) -> tuple[pd.DataFrame, pd.Series]:
    """Ratings of each perspective per prompt."""
    items = collected.items[collected.items["active"]]
    whole = collected.given[collected.given["complete"]].merge(items[["item", "prompt", "context"]], on="item")
    contexts = whole["context"].where(whole["context"].notna(), _NONE)
    wanted = items.groupby("prompt")["cap"].sum()
    table = pd.crosstab(whole["prompt"], contexts) if len(whole) else pd.DataFrame(index=wanted.index[:0])
    return table.reindex(index=wanted.index, fill_value=0), wanted


def _columns(study: Study, by: str, present: Sequence[str]) -> tuple[list[str], list[str]]:
    """Codes in the order of the study with their labels; what occurs besides comes last."""
    labels = Labels(study, study.languages[0])
    codes = list(study.context_keys) if by == CONTEXT else [*study.demographic(by).codes, UNDECLARED]
    order = codes + sorted(set(present) - set(codes))
    if by == CONTEXT:
        names = {code: labels.context(code) for code in codes}
    else:
        names = {code: labels.level(by, code) for code in codes}
    return order, [names.get(code, code) for code in order]
