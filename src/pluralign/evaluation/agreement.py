"""How far the judge agrees with people: on held-out prompts, with raters that it has not learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.evaluation.bootstrap import interval
from pluralign.evaluation.judging import AnyJudge, judgements
from pluralign.evaluation.planted import Planted
from pluralign.evaluation.ratings import RatedTexts, rated_texts
from pluralign.progress import SILENT, Progress
from pluralign.stats.ranks import ordinal_alpha, resampled, spearman

FloatArray = NDArray[np.float64]

DRAWS, GROUP_DRAWS = 1000, 200
_FEWEST_TEXTS = 5
_GOOD, _GOOD_LOW = 0.5, 0.3

GROUP_COLUMNS = [
    *("judge", "dimension", "demographic", "group_label", "raters", "texts", "ratings", "unscored", "spearman"),
    *("spearman_low", "spearman_high", "spearman_ceiling", "alpha", "alpha_low", "alpha_high", "mean_error"),
    *("mean_error_baseline", "verdict"),
]

MEANING = {
    "good": "The judge orders unseen responses much as people do.",
    "fair": "The judge follows people's ratings of unseen responses, but loosely: take differences as hints.",
    "poor": "The judge was not shown to follow people's ratings of unseen responses: differences on this dimension "
    "prove nothing.",
    "unmeasured": "Whether the judge follows people's ratings is not known: too few held-out responses were rated.",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """The judge's and people's mean ratings of n texts; ``groups`` numbers their prompts from 0."""

    judge: FloatArray
    people: FloatArray
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Ratings that a judge is held against, by people and of prompts that it has not seen.

    ``rows`` as given by `ratings.read_ratings`; ``prompts``: texts by prompt and language; ``means``: by dimension,
    what somebody would say who always says the mean; ``groups``: the group of each rater, by demographic; the
    fewest raters that a group must have, ``min_raters``.
    """

    rows: pd.DataFrame
    prompts: Mapping[tuple[str, str], str]
    dimensions: Sequence[str]
    languages: Sequence[str]
    points: int
    means: Mapping[str, float]
    groups: Mapping[str, Mapping[str, str]]
    min_raters: int
    planted: Planted | None
    seed: int


def agreement(judge: AnyJudge, people: People, progress: Progress = SILENT) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How far ``judge`` agrees with ``people``: one row per dimension and language, and one per dimension and group.

    In the second table all languages are taken together, and people of one group are compared with the judge's one
    word: whether it speaks for them as well as for others.
    """
    asked = people.rows.drop_duplicates(["item", "language"])[["item", "prompt", "language", "text"]]
    texts = [people.prompts.get(key, "") for key in zip(asked["prompt"], asked["language"], strict=True)]
    asked = asked.assign(prompt=texts, item=asked["item"] + "/" + asked["language"]).reset_index(drop=True)
    progress.start(f"Comparing {judge.key} with people", len(asked) * len(people.dimensions))
    table = judgements(judge, asked, people.dimensions, people.points, progress)
    values = {(item, dimension): value for item, dimension, value in table[["item", "dimension", "value"]].to_numpy()}
    overall, by_group = [], []
    for dimension in people.dimensions:
        for language in people.languages:
            rated = rated_texts(people.rows.loc[people.rows["language"] == language], dimension, people.points)
            line = _line(rated, values, people, DRAWS)
            overall.append({"judge": judge.key, "dimension": dimension, "language": language, **line})
        by_group += [{"judge": judge.key, **line} for line in _groups(people, dimension, values)]
    progress.finish()
    return pd.DataFrame(overall), pd.DataFrame(by_group).reindex(columns=GROUP_COLUMNS)


def _groups(people: People, dimension: str, values: Mapping[tuple[str, str], float]) -> list[dict[str, object]]:
    lines = []
    for demographic, group_of in people.groups.items():
        groups = people.rows["rater"].map(dict(group_of))
        for group in sorted(groups.dropna().unique()):
            rated = rated_texts(people.rows.loc[groups == group], dimension, people.points)
            line: dict[str, object] = {"dimension": dimension, "demographic": demographic, "group_label": group}
            if rated.raters < people.min_raters:
                few = {"raters": rated.raters, "texts": len(rated.texts), "ratings": rated.ratings}
                lines.append({**line, **few, "verdict": "unmeasured"})
            else:
                lines.append({**line, **_line(rated, values, people, GROUP_DRAWS)})
    return lines


def ceiling(rated: RatedTexts) -> float:
    """The correlation with people's means that a judge could reach who knew what raters think on average.

    The square root of the means' reliability: one minus the share of their variance that is due to the few ratings
    behind each (one-way intraclass correlation of means). NaN where no text has two ratings.
    """
    values = np.arange(1.0, rated.counts.shape[1] + 1)
    number, means = rated.counts.sum(axis=1), rated.means
    within = (rated.counts * (values - means[:, None]) ** 2).sum()
    freedom = (number - 1).clip(min=0).sum()
    if freedom <= 0 or means.var(ddof=1) == 0:
        return float("nan")
    error = (within / freedom / number).mean()
    return float(np.sqrt(max(0.0, 1 - error / means.var(ddof=1))))


def verdict_of(correlation: float, low: float, gain: float) -> str:
    """``poor`` unless the interval of Spearman's correlation lies above 0 and the mean error is below that of always
    saying the mean (``gain`` above 0); ``good`` from a correlation of 0.5 on whose interval lies above 0.3.
    """
    if not (low > 0 and gain > 0):
        return "poor"
    return "good" if correlation >= _GOOD and low >= _GOOD_LOW else "fair"


def _line(rated: RatedTexts, values: Mapping[tuple[str, str], float], people: People, draws: int) -> dict[str, object]:
    keys = rated.texts["item"] + "/" + rated.texts["language"]
    said = np.array([values[key, rated.dimension] for key in keys], dtype=float)
    line: dict[str, object] = {
        "prompts": rated.texts["prompt"].nunique(),
        "texts": len(rated.texts),
        "raters": rated.raters,
        "ratings": rated.ratings,
        "unscored": int(np.isnan(said).sum()),
    }
    known, rated = said[np.isfinite(said)], rated.where(np.isfinite(said))
    if len(known) < _FEWEST_TEXTS or rated.dimension not in people.means:
        return {**line, "verdict": "unmeasured", "meaning": MEANING["unmeasured"]}
    measures = _measures(Compared(known, rated.means, rated.groups), people.means[rated.dimension], people.seed, draws)
    line |= measures
    line["spearman_ceiling"] = ceiling(rated)
    truth = _truth(rated, people.planted)
    if truth is not None:
        line["spearman_true"] = float(spearman(known, truth)[0])
    verdict = verdict_of(measures["spearman"], measures["spearman_low"], measures["mean_error_gain"])
    return {**line, "verdict": verdict, "meaning": MEANING[verdict]}


def _truth(rated: RatedTexts, planted: Planted | None) -> FloatArray | None:
    """What was planted for each text, where all are in one language."""
    spoken = rated.texts["language"].unique()
    if planted is None or len(spoken) != 1:
        return None
    return planted.effects(rated.texts["text"].tolist(), rated.dimension, str(spoken[0]))


def _measures(compared: Compared, mean: float, seed: int, number: int) -> dict[str, float]:
    """Measures with intervals from resampled prompts. The baseline gives every text the mean of the judge's ratings."""

    judge, people = compared.judge, compared.people
    error, baseline = np.abs(judge - people), np.abs(mean - people)

    def measures(times: FloatArray) -> FloatArray:
        total = times.sum(axis=1)
        errors, baselines = times @ error / total, times @ baseline / total
        agreed = spearman(judge, people, times), ordinal_alpha(judge, people, times)
        return np.column_stack([*agreed, errors, baselines, baselines - errors])

    names = ("spearman", "alpha", "mean_error", "mean_error_baseline", "mean_error_gain")
    values = measures(np.ones((1, len(judge))))[0]
    draws = resampled(compared.groups, number, seed, measures)
    line: dict[str, float] = {}
    for column, (name, value) in enumerate(zip(names, values, strict=True)):
        low, high = interval(draws[:, column])
        line |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
    return line
