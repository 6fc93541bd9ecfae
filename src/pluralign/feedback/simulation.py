"""Simulated raters with planted effects, through the same tables as real ones.

Ratings follow a cumulative logit model with crossed effects of rater and item, per dimension:

    logit P(Y <= k) = threshold_k - (demographic effects + rater + weight * standardised quality + noise)

with a weight that may depend on the rater's answers.

See docs/explanation/simulation.md for what this can and cannot stand for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.errors import ConfigError, DataError
from pluralign.feedback.bundle import Feedback
from pluralign.feedback.margins import draw_raters
from pluralign.feedback.quality import definition, quality
from pluralign.feedback.truth import Truth
from pluralign.study.model import Study
from pluralign.study.plans import Simulation

ITEM_NOISE_SD = 0.25
"""Standard deviation, on the logit scale, of what distinguishes items beyond the quality of their texts."""

ATTENTION_PASSED = 0.97
"""Probability that the attention checks of one item are passed."""

_MEDIAN_SECONDS = 6.0
_RATER_SPEED_SD = 0.3  # of the logarithm
_SECONDS_SD = 0.5  # of the logarithm

_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]
_ByLanguage = dict[str, dict[str, _Floats]]


def simulate(
    study: Study, prompts: pd.DataFrame, items: pd.DataFrame, *, seed: int, raters: int | None = None
) -> tuple[Feedback, Truth]:
    """Let ``raters`` simulated people (as many as the study says if None) rate the items that were not rejected.

    The same study, tables and seed give the same ratings. Raises ConfigError where the study plants nothing and
    DataError where there are fewer items than one rater rates, or an item has no text in a language of the study.
    """
    planted = study.simulation
    if planted is None:
        raise ConfigError(
            f"The study {study.name} has no simulation: in its file, give the raters, margins and effects to plant."
        )
    count = planted.raters if raters is None else raters
    if count < 1:
        raise ConfigError(f"{count} raters were asked for; at least 1 is needed.")
    rated = items[items["review"] != "rejected"].reset_index(drop=True)
    people, assignment, answers = (np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(3))
    table = draw_raters(study, count, people)
    rows = assign(count, len(rated), study.items_per_rater, assignment)
    qualities = _qualities(study, rated)
    truth = _truth(planted, qualities, seed, count)
    ratings = _rate(study, truth, table, rated["item"], rows, _standardised(truth, qualities), answers)
    return Feedback.of(prompts, items, table, ratings, study.points, where="simulated ratings"), truth


def assign(raters: int, items: int, per_rater: int, generator: np.random.Generator) -> _Integers:
    """Item numbers for every rater, shape (raters, per_rater): no item twice for one rater, and over all raters the
    items are rated equally often, up to one. Raises DataError where there are too few items.
    """
    if items < per_rater:
        raise DataError(
            f"Each rater rates {per_rater} items, and there are only {items}. Add responses, or lower items_per_rater."
        )
    rounds: list[_Integers] = []
    dealt = 0
    while dealt < raters * per_rater:
        order = generator.permutation(items)
        open_hand = dealt % per_rater
        if open_hand:
            # The rater who began with the end of the last round must not get the same items again.
            held = np.isin(order, rounds[-1][-open_hand:])
            first = order[~held][: per_rater - open_hand]
            order = np.concatenate([first, order[~np.isin(order, first)]])
        rounds.append(order)
        dealt += items
    return np.concatenate(rounds)[: raters * per_rater].reshape(raters, per_rater)


def _qualities(study: Study, items: pd.DataFrame) -> _ByLanguage:
    """Qualities of the items' texts by dimension and language, NaN where an item has no text in the language."""
    columns = {language: items[f"text_{language}"] for language in study.languages if f"text_{language}" in items}
    written = pd.DataFrame({language: texts.notna() for language, texts in columns.items()}, index=items.index)
    without = ~written.any(axis=1)
    if without.any():
        raise DataError(
            f"{int(without.sum())} items have no text in a language of the study ({', '.join(study.languages)}); the "
            f"first is {items.loc[without, 'item'].iloc[0]}. Add the texts, or the language."
        )
    return {
        dimension: {
            language: np.array(
                [quality(text, dimension, language) if isinstance(text, str) else np.nan for text in texts]
            )
            for language, texts in columns.items()
            if written[language].any()
        }
        for dimension in study.dimension_keys
    }


def _truth(planted: Simulation, qualities: _ByLanguage, seed: int, raters: int) -> Truth:
    return Truth(
        seed=seed,
        raters=raters,
        effects={key: {name: dict(codes) for name, codes in by.items()} for key, by in planted.effects.items()},
        thresholds={key: list(thresholds) for key, thresholds in planted.thresholds.items()},
        rater_sd=dict(planted.rater_sd),
        quality_weight=dict(planted.quality),
        item_noise_sd=ITEM_NOISE_SD,
        quality_mean={key: {name: float(np.nanmean(q)) for name, q in by.items()} for key, by in qualities.items()},
        quality_sd={key: {name: float(np.nanstd(q)) for name, q in by.items()} for key, by in qualities.items()},
        quality_definition=definition(),
        tastes={key: {name: dict(codes) for name, codes in by.items()} for key, by in planted.tastes.items()},
    )


def _standardised(truth: Truth, qualities: _ByLanguage) -> _ByLanguage:
    """Standardised qualities of the items for raters of each language, by dimension: of the text in their language, or
    where there is none of the text in the first language that there is.
    """
    standardised: _ByLanguage = {}
    for dimension, by_language in qualities.items():
        own = {name: truth.standardised(values, dimension, name) for name, values in by_language.items()}
        first = pd.DataFrame(own).bfill(axis=1).iloc[:, 0].to_numpy()
        standardised[dimension] = {name: np.where(np.isnan(values), first, values) for name, values in own.items()}
    return standardised


def _rate(
    study: Study,
    truth: Truth,
    raters: pd.DataFrame,
    items: pd.Series[str],
    rows: _Integers,
    qualities: _ByLanguage,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """The table of ratings: raters in order, their items in the order shown, dimensions in the order of the study."""
    count, per_rater = rows.shape
    values = []
    for dimension in study.dimension_keys:
        seen = _qualities_seen(qualities[dimension], raters["language"], rows)
        values.append(_values(truth, dimension, raters, rows, seen, generator))
    shape = (count, per_rater, len(values))
    speed = generator.normal(np.log(_MEDIAN_SECONDS), _RATER_SPEED_SD, size=(count, 1, 1))
    seconds = np.exp(speed + generator.normal(0.0, _SECONDS_SD, size=shape))
    passed = generator.random((count, per_rater, 1)) < ATTENTION_PASSED
    ratings = pd.DataFrame(
        {
            "rater": np.repeat(raters["rater"].to_numpy(), per_rater * len(values)),
            "item": np.repeat(items.to_numpy()[rows.ravel()], len(values)),
            "dimension": np.tile(np.array(study.dimension_keys, dtype=object), count * per_rater),
            "value": np.stack(values, axis=2).ravel(),
            "seconds": seconds.ravel().round(1),
            "position": np.broadcast_to(np.arange(1, per_rater + 1)[None, :, None], shape).ravel(),
        }
    )
    ratings["time"] = pd.Series(pd.NaT, index=ratings.index, dtype="datetime64[us, UTC]")
    ratings["attention"] = pd.Series(np.broadcast_to(passed, shape).ravel(), dtype="boolean")
    return ratings if study.attention_checks else ratings.assign(attention=pd.Series(pd.NA, ratings.index, "boolean"))


def _qualities_seen(qualities: Mapping[str, _Floats], languages: pd.Series[str], rows: _Integers) -> _Floats:
    """Qualities of the items that each rater rates, in the rater's language, shape of ``rows``."""
    default = next(iter(qualities))
    seen: _Floats = np.empty(rows.shape)
    for language in languages.unique():
        of_language = (languages == language).to_numpy()
        seen[of_language] = qualities.get(language, qualities[default])[rows[of_language]]
    return seen


def _values(
    truth: Truth,
    dimension: str,
    raters: pd.DataFrame,
    rows: _Integers,
    seen: _Floats,
    generator: np.random.Generator,
) -> _Integers:
    """Ratings on one dimension, shape (raters, items per rater)."""
    noise: _Floats = generator.normal(0.0, truth.item_noise_sd, size=int(rows.max()) + 1)
    person: _Floats = generator.normal(0.0, truth.rater_sd[dimension], size=len(raters))
    person = person + truth.shifts(dimension, raters)
    predictor = person[:, None] + truth.weights(dimension, raters)[:, None] * seen + noise[rows]
    latent = predictor + generator.logistic(size=rows.shape)
    values: _Integers = 1 + np.searchsorted(np.array(truth.thresholds[dimension]), latent, side="left")
    return values
