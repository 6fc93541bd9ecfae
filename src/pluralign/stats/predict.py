"""Probabilities of the categories: for given rows, and per group with everything else as in the data.

``effects`` says what to take for the random effects: "average" averages over their normal distribution (what a rating
by a new rater of a new item is like), "none" sets them to zero (the middle rater and item), "modes" takes the
conditional modes of known levels, and zero for others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pluralign.errors import ConfigError, DataError
from pluralign.stats.crossed import times
from pluralign.stats.design import Coded, Design, matrix
from pluralign.stats.inputs import columns_of
from pluralign.stats.links import FloatArray
from pluralign.stats.problem import Problem
from pluralign.stats.quadrature import points
from pluralign.stats.types import ClmmFit, Fitted, behind, quantile

EFFECTS = ("average", "none", "modes")
PROBABILITY_COLUMNS = ("category", "probability", "std_error", "low", "high")
_POINTS = 31
_DIFFERENCE = 1e-4  # in standard errors


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The design of some rows: fixed columns (n, p), and per random term the columns of its effects."""

    X: FloatArray
    effects: tuple[tuple[FloatArray | None, ...], ...]


def predict(fit: ClmmFit, data: Any, effects: str = "average") -> pd.DataFrame:
    """The probability of each category for each row of ``data``, one column per category.

    ``data`` needs the columns of the predictors, and with effects="modes" those of the grouping factors. Raises
    SchemaError for absent columns, DataError for missing values or levels that the model does not know.
    """
    fitted = behind(fit)
    if effects not in EFFECTS:
        raise ConfigError(f"effects={effects!r} is not known; choose one of {', '.join(EFFECTS)}.")
    design = fitted.design
    needed = [*design.formula.fixed_columns, *design.formula.slope_columns]
    if effects == "modes":
        needed += [column for group in design.groups for column in group.group.columns]
    table = columns_of(data, needed)
    rows = rows_of(design, table)
    parameters = fitted.optimum.parameters
    shift = _modes_of(fitted, table, rows) if effects == "modes" else np.zeros(len(table))
    found = _probabilities(design.problem, parameters, rows, shift, average=effects == "average")
    return pd.DataFrame(found, columns=list(design.categories), index=table.index)


def group_probabilities(
    fit: ClmmFit, by: str, values: Sequence[Any] | None = None, effects: str = "average", level: float = 0.95
) -> pd.DataFrame:
    """Per value of the predictor ``by``: the mean probability of each category, were every rating's ``by`` that value.

    ``values`` are its levels if not given. Columns: ``by`` itself and PROBABILITY_COLUMNS; standard errors by the delta
    method, intervals on the logit scale. Raises ConfigError for a predictor that the model does not have.
    """
    fitted = behind(fit)
    if effects not in ("average", "none"):
        raise ConfigError(f"Probabilities by group take effects='average' or 'none', not {effects!r}.")
    z = quantile(level)
    tables = []
    for value, rows, share in settings(fitted.design, by, values):

        def mean(parameters: FloatArray, rows: Rows = rows, share: FloatArray = share) -> FloatArray:
            nothing = np.zeros(len(share))
            each = _probabilities(fitted.design.problem, parameters, rows, nothing, average=effects == "average")
            return np.asarray(share @ each)

        p = mean(fitted.optimum.parameters)
        error = _delta(mean, fitted)
        with np.errstate(divide="ignore", invalid="ignore"):
            logit, spread = np.log(p / (1 - p)), error / (p * (1 - p))
        low, high = (1 / (1 + np.exp(-(logit + side * z * spread))) for side in (-1, 1))
        tables.append(
            pd.DataFrame(
                {
                    by: [value] * len(p),
                    "category": list(fitted.design.categories),
                    "probability": p,
                    "std_error": error,
                    "low": low,
                    "high": high,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def settings(design: Design, by: str, values: Sequence[Any] | None) -> list[tuple[Any, Rows, FloatArray]]:
    """Per value of ``by``: the different rows of the data with that value in its place, and the share of each."""
    if by not in design.formula.fixed_columns:
        raise ConfigError(
            f"{by!r} is no predictor of {design.formula.text!r}; its predictors are "
            f"{', '.join(design.formula.fixed_columns) or 'none'}."
        )
    column = design.table[by]
    if values is None:
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            raise ConfigError(f"{by!r} is a number; say at which values, e.g. values=[0, 1].")
        values = levels_of(column)
    needed = list(dict.fromkeys([*design.formula.fixed_columns, *design.formula.slope_columns]))
    others = [name for name in needed if name != by]
    weights = design.problem.weights
    counted = pd.DataFrame(index=range(1))
    share = np.ones(1)
    if others:
        grouping = design.table.groupby(others, sort=False, observed=True).ngroup().to_numpy()
        share = np.bincount(grouping, weights).astype(np.float64)
        counted = design.table[others].drop_duplicates().reset_index(drop=True)
    out = []
    for value in values:
        set_to = pd.Series([value] * len(counted), index=counted.index)
        if isinstance(column.dtype, pd.CategoricalDtype):
            set_to = pd.Series(pd.Categorical(set_to, dtype=column.dtype), index=counted.index)
        out.append((value, rows_of(design, counted.assign(**{by: set_to})[needed]), share / share.sum()))
    return out


def levels_of(column: pd.Series[Any]) -> list[Any]:
    """The levels of a predictor: a categorical's in its order, others sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return sorted(column.unique().tolist())


def rows_of(design: Design, table: pd.DataFrame) -> Rows:
    """The design of new rows. Raises DataError for missing values and for unknown levels."""
    for name in [*design.formula.fixed_columns, *design.formula.slope_columns]:
        _check_levels(name, design.table[name], table[name])
    if design.fixed_spec is None:
        X = np.empty((len(table), 0))
    else:
        frame, _ = matrix(design.fixed_spec, table[list(design.formula.fixed_columns)], design.formula.text)
        X = frame[list(design.terms)].to_numpy(dtype=np.float64)
    return Rows(X, tuple(_effect_columns(group, table) for group in design.groups))


def _check_levels(name: str, known: pd.Series[Any], new: pd.Series[Any]) -> None:
    if new.isna().any():
        raise DataError(f"{name!r} lacks a value in {int(new.isna().sum())} of {len(new)} rows; complete them.")
    if pd.api.types.is_numeric_dtype(known):
        return
    strange = sorted({str(value) for value in new.unique()} - {str(value) for value in known.unique()})
    if strange:
        raise DataError(
            f"{name!r} has the level {strange[0]!r}, which the model does not know; it knows "
            f"{', '.join(map(str, levels_of(known)))}."
        )


def _effect_columns(group: Coded, table: pd.DataFrame) -> tuple[FloatArray | None, ...]:
    out: list[FloatArray | None] = []
    for part, spec in zip(group.group.effects, group.specs, strict=True):
        if spec is None:
            out.append(None)
            continue
        needed = sorted(str(name) for name in spec.required_variables)
        frame, _ = matrix(spec, table[needed], part)
        out += [None if str(name) == "Intercept" else frame[name].to_numpy(dtype=np.float64) for name in frame.columns]
    return tuple(None if column is None else column / size for column, size in zip(out, group.sizes, strict=True))


def _modes_of(fitted: Fitted, table: pd.DataFrame, rows: Rows) -> FloatArray:
    """What the conditional modes add to η; nothing for levels that the model has not seen."""
    design, problem = fitted.design, fitted.design.problem
    total = np.zeros(len(table))
    if problem.random is None:
        return total
    roots = problem.roots(fitted.optimum.parameters)
    effects = problem.random.split(fitted.optimum.u)
    for group, columns, root, u in zip(design.groups, rows.effects, roots, effects, strict=True):
        names = table[group.group.columns[0]].astype(str)
        for name in group.group.columns[1:]:
            names = names + ":" + table[name].astype(str)
        code = pd.Index(group.levels).get_indexer(pd.Index(names))
        mode = np.vstack([u @ root.T, np.zeros((1, len(root)))])[code]  # the last row serves unknown levels, code -1
        for k, column in enumerate(columns):
            total += times(mode[:, k], column)
    return total


def _probabilities(
    problem: Problem, parameters: FloatArray, rows: Rows, shift: FloatArray, *, average: bool
) -> FloatArray:
    """(rows, categories) at η = Xβ + shift, averaged over the random effects if wanted."""
    theta = problem.jacobian @ problem.alpha(parameters)
    edges = np.concatenate([[-np.inf], theta, [np.inf]])
    eta = rows.X @ problem.beta(parameters) + shift
    sd = np.sqrt(_variances(problem, parameters, rows)) if average and rows.effects else None
    if sd is None:
        return _between(problem, edges, eta)
    x, weights = points(_POINTS)
    return np.asarray(sum(w * _between(problem, edges, eta + sd * point) for point, w in zip(x, weights, strict=True)))


def _between(problem: Problem, edges: FloatArray, eta: FloatArray) -> FloatArray:
    return np.asarray(problem.link.probability(edges[:-1] - eta[:, None], edges[1:] - eta[:, None]))


def _variances(problem: Problem, parameters: FloatArray, rows: Rows) -> FloatArray:
    """The variance that the random effects give to η of each row."""
    total = np.zeros(len(rows.X))
    for columns, root in zip(rows.effects, problem.roots(parameters), strict=True):
        covariance = root @ root.T
        for a, one in enumerate(columns):
            for b, other in enumerate(columns):
                total += times(times(np.full(len(total), covariance[a, b]), one), other)
    return total


def _delta(function: Callable[[FloatArray], FloatArray], fitted: Fitted) -> FloatArray:
    """Standard errors of a function of the parameters, by the delta method with central differences."""
    at = fitted.optimum.parameters
    widths = _DIFFERENCE * np.sqrt(np.maximum(np.diagonal(fitted.covariance), 1e-12))
    columns = []
    for j, width in enumerate(widths):
        step = np.zeros_like(at)
        step[j] = width
        columns.append((function(at + step) - function(at - step)) / (2 * width))
    jacobian = np.stack(columns, axis=1)
    return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", jacobian, fitted.covariance, jacobian), 0.0)))
