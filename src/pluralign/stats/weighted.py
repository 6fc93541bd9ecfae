"""Weighted and unweighted estimates side by side: what the population would say, beside what the sample says.

All estimates are averages over a population, without random effects, so that weighting the sample has a meaning;
log odds are therefore smaller than those of the mixed model, which hold for one rater. Ratings of one rater hang
together, and standard errors allow for that (Taylor linearisation, with raters as the sampling units), as in R's
``survey``: Lumley, "Complex Surveys" (2010). That the margins of raking were met does not make them smaller here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pluralign.errors import PluralignError, SchemaError
from pluralign.stats.clmm import clm
from pluralign.stats.crossed import IntArray
from pluralign.stats.descriptives import dimensions_of
from pluralign.stats.formula import parse
from pluralign.stats.labels import Labels
from pluralign.stats.links import FloatArray
from pluralign.stats.model_frame import ModelFrame, model_frame
from pluralign.stats.types import ClmmFit, behind
from pluralign.stats.weighting import RakedWeights, rake_for

WEIGHTED_COLUMNS = (
    "dimension",
    "dimension_label",
    "quantity",
    "term",
    "raters",
    "unweighted",
    "unweighted_error",
    "weighted",
    "weighted_error",
    "difference",
)


@dataclass(frozen=True, slots=True)
class _Estimate:
    value: float
    error: float


def weighted_table(long: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Every estimate with and without the raters' weights; the columns are ``WEIGHTED_COLUMNS``.

    ``long`` is ``Feedback.long_frame()``, whose column ``weight`` is used. Per dimension ``quantity`` is ``mean`` (of
    the scale values), ``share`` (of the ratings in each of the study's categories, named by ``term``) and ``log odds``
    (of the formula's predictors). A dimension whose model cannot be fitted has no log odds.

    Raises SchemaError where a rater has no weight, or none above 0.
    """
    weights = long["weight"]
    if not (weights > 0).all():
        raise SchemaError(
            f"{int((~(weights > 0)).sum())} ratings are by raters without a weight above 0. Weight the raters again, "
            "or leave these out."
        )
    rows: list[tuple[object, ...]] = []
    for dimension in dimensions_of(long, labels.study):
        part = long[long["dimension"] == dimension]
        for quantity, term, raters, without, with_weights in _estimates(part, labels, dimension):
            numbers = (without.value, without.error, with_weights.value, with_weights.error)
            named = (dimension, labels.dimension(dimension), quantity, term, raters)
            rows.append((*named, *numbers, with_weights.value - without.value))
    return pd.DataFrame(rows, columns=list(WEIGHTED_COLUMNS))


def weighted_to_margins(raters: pd.DataFrame, long: pd.DataFrame, labels: Labels) -> tuple[pd.DataFrame, RakedWeights]:
    """:func:`weighted_table` under weights that meet the margins of the study file, and these weights.

    ``raters`` is the table of raters. Raises what :func:`pluralign.stats.weighting.rake_for` raises.
    """
    raked = rake_for(labels.study, raters)
    return weighted_table(long.assign(weight=long["rater"].map(raked.weights)), labels), raked


def mean_by_rater(values: FloatArray, weights: FloatArray, raters: IntArray) -> tuple[float, float]:
    """The weighted mean of ratings and its standard error, raters being the sampling units."""
    mean = float(weights @ values / weights.sum())
    return mean, float(_between(weights * (values - mean) / weights.sum(), raters)[0, 0] ** 0.5)


def clustered_errors(fit: ClmmFit, raters: IntArray) -> FloatArray:
    """Standard errors of a model without random effects and with flexible thresholds, raters being the sampling units.

    They are in the order of ``fit.parameters``. ``raters`` has the rater of each rating that was fitted, in the order
    of the data.
    """
    problem = behind(fit).design.problem
    eta = problem.X @ np.array(list(fit.coef.values()))
    limits = np.array([-np.inf, *fit.thresholds.values(), np.inf])
    d = problem.link.derivatives(limits[problem.y] - eta, limits[problem.y + 1] - eta)
    every = np.arange(len(problem.y))
    scores = np.zeros((len(problem.y), len(limits) + problem.X.shape[1]))
    scores[every, problem.y] = d.d_lower
    scores[every, problem.y + 1] = d.d_upper
    scores[:, len(limits) :] = d.score[:, None] * problem.X
    scores = np.delete(scores, [0, len(limits) - 1], axis=1)  # the limits at infinity are no parameters
    if problem.weights is not None:
        scores *= problem.weights[:, None]
    return np.asarray(np.sqrt(np.diagonal(_between(scores @ fit.covariance, raters))))


def _between(influence: FloatArray, raters: IntArray) -> FloatArray:
    """Covariance of a sum over raters of the influences of their ratings, (n,) or (n, p)."""
    columns = influence[:, None] if influence.ndim == 1 else influence
    sums = np.stack([np.bincount(raters, column) for column in columns.T], axis=1)
    centred = sums - sums.mean(axis=0)
    return np.asarray(centred.T @ centred) * (len(sums) / max(len(sums) - 1, 1))


def _estimates(
    part: pd.DataFrame, labels: Labels, dimension: str
) -> Iterator[tuple[str, str, int, _Estimate, _Estimate]]:
    raters, names = pd.factorize(part["rater"])
    weights = part["weight"].to_numpy(dtype=np.float64)
    values = part["value"].to_numpy(dtype=np.float64)
    quantities = [("mean", "", values)]
    for group in labels.study.analysis.categories or [(value,) for value in range(1, labels.study.points + 1)]:
        term = str(group[0]) if len(group) == 1 else f"{group[0]}–{group[-1]}"
        quantities.append(("share", term, np.isin(values, group).astype(np.float64)))
    for quantity, term, numbers in quantities:
        pair = [_Estimate(*mean_by_rater(numbers, used, raters)) for used in (np.ones_like(weights), weights)]
        yield quantity, term, len(names), pair[0], pair[1]
    yield from _log_odds(part, labels, dimension)


def _log_odds(
    part: pd.DataFrame, labels: Labels, dimension: str
) -> Iterator[tuple[str, str, int, _Estimate, _Estimate]]:
    try:
        prepared = model_frame(part, labels.study, dimension)
        weight = part.drop_duplicates("rater").set_index("rater")["weight"]
        weights = prepared.frame["rater"].map(weight).to_numpy(dtype=np.float64)
        pair = [_fixed_effects(prepared, labels, used) for used in (np.ones_like(weights), weights)]
    except PluralignError:
        return
    for term in pair[0]:
        yield "log odds", term, prepared.frame["rater"].nunique(), pair[0][term], pair[1][term]


def _fixed_effects(prepared: ModelFrame, labels: Labels, weights: FloatArray) -> dict[str, _Estimate]:
    """Coefficients of the study's formula without its random terms."""
    formula = parse(labels.study.analysis.formula)
    terms = [str(term) for term in formula.fixed if str(term) != "1"]
    if not terms:
        return {}
    fit = clm(f"{formula.response} ~ {' + '.join(terms)}", prepared.frame, weights=weights)
    errors = clustered_errors(fit, pd.factorize(prepared.frame["rater"])[0])
    by_name = dict(zip(fit.parameters, errors.tolist(), strict=True))
    return {term: _Estimate(value, by_name[term]) for term, value in fit.coef.items()}
