"""Simulated raters: demographic answers whose counts match given margins exactly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.study.base import UNDECLARED
from pluralign.study.instrument import Demographic
from pluralign.study.model import Study

Answers = dict[str, NDArray[np.object_]]


def draw_raters(study: Study, count: int, generator: np.random.Generator) -> pd.DataFrame:
    """The table of ``count`` raters of a study with a simulation.

    Every margin is met exactly up to rounding; the demographics are independent but for options that are offered
    only to some (``when``), such as the parties of a country.
    """
    assert study.simulation is not None
    answers: Answers = {}
    for demographic in study.demographics:
        counts = allocate(study.simulation.margins[demographic.key], count)
        answers[demographic.key] = _answer(demographic, counts, answers, count, generator)
    columns = {
        "rater": [f"sim-{number:0{len(str(count))}d}" for number in range(1, count + 1)],
        "language": _languages(study, answers, count),
        "origin": "simulated",
        "weight": 1.0,
        "flags": "",
    }
    return pd.DataFrame({**columns, **answers})


def allocate(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """``total`` places in the proportions of ``counts``, by largest remainders; ties go to the code named first."""
    whole = sum(counts.values())
    places = {code: total * count // whole for code, count in counts.items()}
    remainders = sorted(counts, key=lambda code: -(total * counts[code] % whole))
    for code in remainders[: total - sum(places.values())]:
        places[code] += 1
    return places


def _answer(
    demographic: Demographic, counts: Mapping[str, int], earlier: Answers, raters: int, generator: np.random.Generator
) -> NDArray[np.object_]:
    """Codes of all raters: those offered only to some go first, to raters drawn among these."""
    eligible = {
        option.code: np.logical_and.reduce([np.isin(earlier[key], codes) for key, codes in option.when.items()])
        for option in demographic.options
        if option.when
    }
    answers = np.full(raters, None, dtype=object)
    for code in sorted(eligible, key=lambda code: int(eligible[code].sum())):
        free = np.flatnonzero(eligible[code] & (answers == None))  # noqa: E711 (elementwise)
        answers[generator.permutation(free)[: counts.get(code, 0)]] = code
    free = generator.permutation(np.flatnonzero(answers == None))  # noqa: E711
    open_codes = [code for code, number in counts.items() if code not in eligible for _ in range(number)]
    # Rounding can leave a code with more places than raters who may choose it; these raters keep theirs to themselves.
    answers[free] = [*open_codes, *[UNDECLARED] * (len(free) - len(open_codes))]
    return answers


def _languages(study: Study, answers: Answers, count: int) -> list[str]:
    """The language of a rater's country where the study has one of that code, otherwise the study's first language."""
    first = study.languages[0]
    countries = answers.get("country", np.full(count, first, dtype=object))
    return [country if country in study.languages else first for country in countries]
