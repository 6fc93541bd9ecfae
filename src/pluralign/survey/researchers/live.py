"""The study's model on what has come in so far, computed when somebody asks, at most once a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from pluralign.stats import fitting
from pluralign.stats.labels import Labels
from pluralign.study import Study
from pluralign.survey.release.collected import Collected
from pluralign.survey.researchers.views import Distribution, distributions

Result = TypeVar("Result")

# Below these a mixed model says more about its assumptions than about people.
LEAST_PEOPLE, LEAST_RATINGS = 30, 100


class Kept(Generic[Result]):
    """A result that is computed by one thread at a time and kept for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._lock = seconds, Lock()
        self._result: tuple[float, Result] | None = None

    def get(self, compute: Callable[[], Result]) -> Result:
        """The result kept, or a new one."""
        with self._lock:
            now = time.monotonic()
            if self._result is None or now - self._result[0] > self._seconds:
                self._result = (time.monotonic(), compute())
            return self._result[1]

    def forget(self) -> None:
        """Compute anew the next time: somebody was erased."""
        with self._lock:
            self._result = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Ratings so far: distributions per dimension, and whether there are enough for the model."""

    distributions: tuple[Distribution, ...]
    n_people: int
    n_ratings: int

    @property
    def enough(self) -> bool:
        """Whether the model may be fitted."""
        return self.n_people >= LEAST_PEOPLE and self.n_ratings >= LEAST_RATINGS


@dataclass(frozen=True, slots=True)
class Fitted:
    """``fits``: one line per dimension, with what went wrong; ``coefficients``: odds ratios of those that could be
    fitted (columns of `pluralign.stats.effects`)."""

    fits: tuple[Mapping[str, Any], ...]
    coefficients: tuple[Mapping[str, Any], ...]


def describe(collected: Collected, study: Study) -> Described:
    """What has come in, without a model. Everybody's complete items count, also of people who have not finished."""
    rated = collected.rated
    per_dimension = len(rated) // max(1, len(study.dimensions))
    return Described(
        distributions=distributions(rated, study), n_people=rated["participant"].nunique(), n_ratings=per_dimension
    )


def fit(collected: Collected, study: Study) -> Fitted:
    """Fit the study's formula to each dimension; one that cannot be fitted says why."""
    people = collected.people.drop(columns=["state", "instrument", "cell"])
    items = collected.items[["item", "prompt", "context"]]
    long = collected.rated.merge(people, on="participant").merge(items, on="item")
    labels = Labels(study, study.languages[0])
    tables = fitting.tables(fitting.fit_dimensions(long.rename(columns={"participant": "rater"}), labels), labels)
    fits: list[Any] = tables["fits"].to_dict("records")
    coefficients: list[Any] = tables["coefficients"].to_dict("records")
    return Fitted(tuple(fits), tuple(coefficients))
