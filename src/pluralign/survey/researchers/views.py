"""One participant, one item, and the lists that lead to them. Who somebody is to a recruitment platform is not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pluralign.stats.labels import Labels
from pluralign.study import Study
from pluralign.survey.release.collected import Collected
from pluralign.survey.researchers.overview import Quartiles

PER_PAGE = 50
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list."""

    lines: tuple[Line, ...]
    n: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Person:
    """``about``: questions and answers; ``signs``: as `pluralign.survey.release.flags.signs` has them; ``items``: what
    was given to the person, with the ratings by dimension and attention checks passed and failed."""

    line: Line
    about: tuple[tuple[str, str], ...]
    signs: Line
    items: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often each value of the scale was given on a dimension."""

    label: str
    counts: tuple[int, ...]

    @property
    def n(self) -> int:
        """Ratings."""
        return sum(self.counts)

    @property
    def mean(self) -> float:
        """Mean of the values 1 … K; NaN without ratings."""
        return sum(v * n for v, n in enumerate(self.counts, start=1)) / self.n if self.n else float("nan")


@dataclass(frozen=True, slots=True)
class Item:
    """One item with its texts in every language, its ratings, and the time it takes."""

    line: Line
    prompt: Mapping[str, str]
    response: Mapping[str, str]
    distributions: tuple[Distribution, ...]
    time: Quartiles
    skipped: int


def people(collected: Collected, signed: pd.DataFrame, page: int, *, flagged: bool = False) -> Listing:
    """Participants, the latest first; with ``flagged`` only those with a sign of careless answers."""
    table = collected.people.merge(signed, on="participant").sort_values("created_at", ascending=False)
    return _listing(table[table["flags"] != ""] if flagged else table, page)


def person(collected: Collected, signed: pd.DataFrame, study: Study, identifier: str) -> Person | None:
    """A participant, or None."""
    found = collected.people[collected.people["participant"] == identifier]
    if found.empty:
        return None
    line = _line(found)
    labels = Labels(study, study.languages[0])
    about = tuple(
        (labels.demographic(key), labels.level(key, line[key]) if isinstance(line[key], str) else "–")
        for key in study.demographic_keys
    )
    given = collected.given[collected.given["participant"] == identifier].sort_values("position")
    signs = _line(signed[signed["participant"] == identifier])
    return Person(line, about, signs, tuple(_given(collected, row) for row in given.to_dict("records")))


def _given(collected: Collected, row: Mapping[Any, Any]) -> Line:
    of_this = collected.ratings["assignment"] == row["assignment"]
    ratings = collected.ratings[of_this].set_index("dimension")["value"].to_dict()
    checks = collected.checks[collected.checks["assignment"] == row["assignment"]]
    passed = int((checks["value"] == checks["wanted"]).sum())
    return {**row, "ratings": ratings, "passed": passed, "failed": len(checks) - passed}


def items(collected: Collected, page: int) -> Listing:
    """Items, least rated first."""
    whole = collected.given[collected.given["complete"]].groupby("item")
    table = collected.items.assign(
        raters=collected.items["item"].map(whole.size()).fillna(0).astype(int),
        seconds=collected.items["item"].map(whole["seconds"].median()),
    )
    return _listing(table.sort_values(["raters", "item"]), page)


def item(collected: Collected, study: Study, key: str) -> Item | None:
    """An item, or None."""
    found = collected.items[collected.items["item"] == key]
    if found.empty:
        return None
    line = _line(found)
    prompts = collected.prompts.set_index("prompt")["texts"]
    given = collected.given[collected.given["item"] == key]
    return Item(
        line=line,
        prompt=prompts[line["prompt"]],
        response=line["texts"],
        distributions=distributions(collected.rated[collected.rated["item"] == key], study),
        time=Quartiles.of(given.loc[given["complete"], "seconds"]),
        skipped=int((given["state"] == "skipped").sum()),
    )


def distributions(rated: pd.DataFrame, study: Study) -> tuple[Distribution, ...]:
    """How often each value was given, for every dimension of the study."""
    values = range(1, study.points + 1)
    labels = Labels(study, study.languages[0])
    counts = {key: part["value"].value_counts() for key, part in rated.groupby("dimension")}
    empty: pd.Series[int] = pd.Series(dtype=int)
    return tuple(
        Distribution(labels.dimension(key), tuple(int(counts.get(key, empty).get(value, 0)) for value in values))
        for key in study.dimension_keys
    )


def _line(table: pd.DataFrame) -> Line:
    """The first row, by column."""
    return {str(name): value for name, value in table.iloc[0].items()}


def _listing(table: pd.DataFrame, page: int) -> Listing:
    pages = max(1, -(-len(table) // PER_PAGE))
    page = min(max(1, page), pages)
    rows: list[Any] = table.iloc[(page - 1) * PER_PAGE : page * PER_PAGE].to_dict("records")
    return Listing(tuple(rows), len(table), page, pages)
