"""What changed: tuned models against their base model, and conditions against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.evaluation.bootstrap import DRAWS, LEVEL, crossed
from pluralign.evaluation.models import Comparison
from pluralign.study import Experiment, Study

FloatArray = NDArray[np.float64]

INTERVAL = f"{LEVEL:.0%} percentile interval, crossed bootstrap over seeds and prompts, {DRAWS} draws"


@dataclass(frozen=True, slots=True)
class Scores:
    """Judged responses: ``of`` maps a model's place to columns ``prompt, dimension, value`` (missing where unscored)
    and, in simulations, ``true`` (missing where nothing was simulated).
    """

    of: Mapping[str, pd.DataFrame]

    def cells(self, places: Sequence[str], dimension: str, prompts: Sequence[str], column: str = "value") -> FloatArray:
        """Mean over a model's samples, (models, prompts); NaN where no sample is scored."""
        rows = []
        for place in places:
            frame = self.of[place]
            part = frame.loc[frame["dimension"] == dimension]
            rows.append(part.groupby("prompt")[column].mean().reindex(list(prompts)).to_numpy(dtype=float))
        return np.array(rows).reshape(len(places), len(prompts))

    def counts(self, places: Sequence[str], dimension: str) -> tuple[int, int]:
        """Numbers of responses that are scored and unscored."""
        frames = [self.of[place] for place in places]
        values = pd.concat([frame.loc[frame["dimension"] == dimension, "value"] for frame in frames])
        return int(values.notna().sum()), int(values.isna().sum())

    def prompts(self, places: Sequence[str]) -> list[str]:
        """Every prompt that one of the models was asked."""
        return sorted(set().union(*(self.of[place]["prompt"] for place in places)))


def differences(
    comparisons: Sequence[Comparison], scores: Scores, study: Study, verdicts: Mapping[tuple[str, str], str]
) -> pd.DataFrame:
    """One row per experiment, condition and dimension: tuned minus base, over the seeds that are there.

    ``verdicts`` of the judge by dimension and language.
    """
    lines = []
    for experiment in study.experiments:
        for condition in experiment.conditions:
            pairs = [
                pair for pair in comparisons
                if (pair.tuned.experiment, pair.tuned.condition) == (experiment.key, condition.key)
            ]  # fmt: skip
            if pairs:
                places = {"experiment": experiment.key, "condition": condition.key}
                lines += [
                    {**places, **_difference(pairs, scores, study, experiment, dimension, verdicts)}
                    for dimension in study.dimension_keys
                ]
    return pd.DataFrame(lines)


def contrasts(
    comparisons: Sequence[Comparison], scores: Scores, study: Study, verdicts: Mapping[tuple[str, str], str]
) -> pd.DataFrame:
    """One row per pair of conditions of an experiment and dimension: ``condition`` minus ``against``, over the seeds
    that both have. Empty where no experiment has two evaluated conditions.
    """
    lines = []
    for experiment in study.experiments:
        language = study.training_for(experiment).language
        models = [pair.tuned for pair in comparisons if pair.tuned.experiment == experiment.key]
        by_condition = {
            condition.key: {model.seed: model.place for model in models if model.condition == condition.key}
            for condition in experiment.conditions
        }
        for first, second in combinations(by_condition, 2):
            seeds = sorted(by_condition[first].keys() & by_condition[second].keys())
            if not seeds:
                continue
            mine, other = ([by_condition[key][seed] for seed in seeds] for key in (first, second))
            for dimension in study.dimension_keys:
                line: dict[str, object] = {"experiment": experiment.key, "condition": first, "against": second}
                line |= _about(study, experiment, dimension)
                line |= _compare(scores, mine, other, dimension, study, names=("mean", "mean_against"))
                lines.append({**line, "judge_verdict": verdicts[dimension, language], "interval": INTERVAL})
    return pd.DataFrame(lines, columns=None if lines else ["experiment", "condition", "against", "dimension"])


def _difference(
    pairs: Sequence[Comparison],
    scores: Scores,
    study: Study,
    experiment: Experiment,
    dimension: str,
    verdicts: Mapping[tuple[str, str], str],
) -> dict[str, object]:
    tuned, base = [pair.tuned.place for pair in pairs], [pair.base.place for pair in pairs]
    line = _about(study, experiment, dimension)
    line |= _compare(scores, tuned, base, dimension, study, names=("tuned_mean", "base_mean"))
    scored, unscored = scores.counts(tuned, dimension)
    line |= {"n_samples": scored, "n_unscored": unscored, "n_unscored_base": scores.counts(base, dimension)[1]}
    return {**line, "judge_verdict": verdicts[dimension, pairs[0].tuned.language], "interval": INTERVAL}


def _about(study: Study, experiment: Experiment, dimension: str) -> dict[str, object]:
    return {
        "dimension": dimension,
        "desirable": study.dimension(dimension).desirable,
        "in_objective": dimension in experiment.objective,
    }


def _compare(
    scores: Scores, first: Sequence[str], second: Sequence[str], dimension: str, study: Study, names: tuple[str, str]
) -> dict[str, object]:
    """First minus second in points of the scale and in per cent of the second's mean, with intervals."""
    prompts = scores.prompts([*first, *second])
    cells = [scores.cells(places, dimension, prompts) for places in (first, second)]
    seed = study.evaluation.seed
    both = np.isfinite(cells[0]) & np.isfinite(cells[1])
    line: dict[str, object] = {
        name: float(cell[both].mean()) if both.any() else np.nan for name, cell in zip(names, cells, strict=True)
    }
    difference = crossed(cells, lambda a, b: a - b, seed)
    percent = crossed(cells, lambda a, b: 100 * (a / b - 1), seed)
    line |= dict(zip(("difference", "low", "high"), difference, strict=True))
    line |= dict(zip(("percent", "percent_low", "percent_high"), percent, strict=True))
    line["change"] = _change(difference, study.dimension(dimension).desirable)
    line |= {"n_prompts": int(both.any(axis=0).sum()), "n_seeds": int(both.any(axis=1).sum())}
    if all("true" in scores.of[place] for place in (*first, *second)):
        true = [scores.cells(places, dimension, prompts, "true") for places in (first, second)]
        found = crossed(true, lambda a, b: a - b, seed)
        line |= dict(zip(("true_difference", "true_low", "true_high"), found, strict=True))
    return line


def _change(difference: tuple[float, float, float], desirable: str) -> str:
    """``better`` or ``worse`` where the whole interval lies on one side of 0, ``none`` where there is no number."""
    _, low, high = difference
    if not np.isfinite(low):
        return "none"
    if low <= 0 <= high:
        return "unclear"
    return "better" if (low > 0) == (desirable == "high") else "worse"
