"""What people say of the models: tuned models against their base models, in points of the scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.errors import SchemaError
from pluralign.evaluation.bootstrap import DRAWS, LEVEL, interval
from pluralign.evaluation.judgements import file_of
from pluralign.evaluation.models import BASE
from pluralign.records import JUDGEMENTS, read
from pluralign.study import Study

FloatArray = NDArray[np.float64]

INTERVAL = f"{LEVEL:.0%} percentile interval, bootstrap over raters, prompts and seeds, {DRAWS} draws"
_UNITS = ("rater", "prompt", "seed")


def compare(ratings: pd.DataFrame, key: pd.DataFrame, study: Study) -> pd.DataFrame:
    """One row per experiment, condition and dimension: mean rating of the tuned models, of the base models with the
    same seeds, and their difference with an interval.

    ``ratings`` are ``records.RATINGS``, ``key`` the round's. A rating of words that several models chose counts for
    each of them, so that it pulls their difference towards nothing, as it should. Raters, prompts and seeds are drawn
    with replacement, independently of each other: Owen's pigeonhole bootstrap (2007) with three factors, which errs
    towards wide intervals.
    """
    lines = []
    tuned = key.loc[key["condition"] != BASE]
    for (experiment, condition), mine in tuned.groupby(["experiment", "condition"], sort=False):
        base = _base_of(key, str(experiment), set(mine["seed"]))
        arms = pd.concat([mine.assign(tuned=True), base.assign(tuned=False)])
        rows = ratings.merge(arms[["item", "prompt", "seed", "tuned"]], on="item")
        for dimension in study.dimension_keys:
            part = rows.loc[rows["dimension"] == dimension]
            line: dict[str, object] = {"experiment": experiment, "condition": condition, "dimension": dimension}
            lines.append({**line, **_difference(part, study.evaluation.seed), "interval": INTERVAL})
    return pd.DataFrame(lines)


def with_judge(table: pd.DataFrame, key: pd.DataFrame, evaluation: Path, judge: str) -> pd.DataFrame:
    """``table`` with what the leading ``judge`` says of the very same responses, in ``judge_difference``; empty where
    it says nothing.
    """
    judged = key.merge(_judgements(key, evaluation, judge), left_on=["place", "response"], right_on=["place", "item"])
    found = []
    for row in table.to_dict("records"):
        mine = judged.loc[(judged["experiment"] == row["experiment"]) & (judged["condition"] == row["condition"])]
        base = _base_of(judged, str(row["experiment"]), set(mine["seed"]))
        means = [part.loc[part["dimension"] == row["dimension"], "value"].mean() for part in (mine, base)]
        found.append(means[0] - means[1])
    return table.assign(judge_difference=found)


def _base_of(key: pd.DataFrame, experiment: str, seeds: set[str]) -> pd.DataFrame:
    """The rows of the base models with these seeds: the experiment's own, or else those that experiments share."""
    base = key.loc[(key["condition"] == BASE) & key["seed"].isin(seeds)]
    own = base.loc[base["experiment"] == experiment]
    return own if not own.empty else base.loc[base["experiment"] == ""]


def _judgements(key: pd.DataFrame, evaluation: Path, judge: str) -> pd.DataFrame:
    tables = [pd.DataFrame({"place": [], "item": [], "dimension": [], "value": []})]
    for place in key["place"].unique():
        try:
            table = read(evaluation / place / file_of(judge), JUDGEMENTS)
        except SchemaError:
            # The judge may be under way anew; people's ratings do not wait for it.
            continue
        tables.append(table[["item", "dimension", "value"]].assign(place=place))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _difference(rows: pd.DataFrame, seed: int) -> dict[str, object]:
    """Means of both arms and their difference; NaN where one has no rating."""
    counts = {"n_raters": rows["rater"].nunique(), "n_ratings": rows.drop_duplicates(["rater", "item"]).shape[0]}
    values = rows["value"].to_numpy(dtype=float)
    tuned = rows["tuned"].to_numpy(dtype=bool)
    if not tuned.any() or tuned.all():
        empty = dict.fromkeys(("tuned_mean", "base_mean", "difference", "low", "high"), np.nan)
        return {**empty, **counts}
    means = values[tuned].mean(), values[~tuned].mean()
    low, high = interval(_drawn(rows, values, tuned, seed))
    named = dict(zip(("tuned_mean", "base_mean"), means, strict=True))
    return {**named, "difference": means[0] - means[1], "low": low, "high": high, **counts}


def _drawn(rows: pd.DataFrame, values: FloatArray, tuned: NDArray[np.bool_], seed: int) -> FloatArray:
    """The difference in each draw, (DRAWS,); NaN where a draw leaves an arm empty."""
    generator = np.random.default_rng(seed)
    codes = [pd.factorize(rows[unit])[0] for unit in _UNITS]
    found = np.empty(DRAWS)
    for draw in range(DRAWS):
        weights = np.ones(len(rows))
        for code in codes:
            size = int(code.max()) + 1
            # One unit cannot vary; its part of the uncertainty is not in the interval.
            weights *= generator.multinomial(size, np.full(size, 1 / size))[code]
        mine, other = weights[tuned], weights[~tuned]
        enough = mine.sum() > 0 and other.sum() > 0
        found[draw] = mine @ values[tuned] / mine.sum() - other @ values[~tuned] / other.sum() if enough else np.nan
    return found
