"""Whether ratings from elsewhere are those that a study file describes."""

from __future__ import annotations

from collections.abc import Iterable

from pluralign.errors import ConfigError
from pluralign.feedback.bundle import Feedback
from pluralign.study import Study
from pluralign.study.names import names_in_formula


def refuse_misfit(feedback: Feedback, study: Study) -> None:
    """Raise ConfigError where the study expects another scale, or dimensions, languages or answers that are not there.

    Ratings may hold more than the study uses.
    """
    if feedback.points != study.points:
        raise ConfigError(
            f"The ratings are on a scale of {feedback.points} points and the study's scale has {study.points} labels. "
            "Give scale.labels in study.yaml one label for each point."
        )
    _among("dimensions", study.dimension_keys, feedback.dimensions)
    texts = [name.removeprefix("text_") for name in feedback.items.columns if name.startswith("text_")]
    _among("languages", study.languages, texts)
    _, terms, groups = names_in_formula(study.analysis.formula)
    _among("analysis.formula", (*terms, *groups), feedback.long_frame().columns)


def _among(part: str, wanted: Iterable[str], found: Iterable[str]) -> None:
    names = list(found)
    lacking = [name for name in wanted if name not in names]
    if lacking:
        raise ConfigError(
            f"The ratings have no {', '.join(lacking)}, named under {part} in study.yaml; they have: "
            f"{', '.join(names)}. Change the study file, or import data that have it."
        )
