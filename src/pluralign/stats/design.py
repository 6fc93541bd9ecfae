"""From a data frame and a formula to the arrays of a model, with every check on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from formulaic.errors import FormulaicError
from scipy import linalg

from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.stats.crossed import CrossedIntercepts, IntArray
from pluralign.stats.formula import Formula, Group
from pluralign.stats.laplace import Problem
from pluralign.stats.links import FloatArray, Link

Missing: TypeAlias = Literal["drop", "error"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Design:
    """A problem with the names of everything in it."""

    problem: Problem
    terms: tuple[str, ...]
    categories: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    n_dropped: int
    notes: tuple[str, ...]


def build(
    formula: Formula,
    data: Any,
    link: Link,
    weights: str | Sequence[float] | FloatArray | None,
    missing: Missing,
) -> Design:
    """Check ``data`` against ``formula`` and arrange it.

    Raises SchemaError for absent columns and DataError for data that cannot answer: see the functions below.
    """
    _check_roles(formula)
    table, prior = _table(formula, data, weights)
    table, prior, n_dropped = _drop_missing(table, prior, missing)
    y, categories = _response(table[formula.response])
    table, notes = _used_levels(table, formula.fixed_columns)
    X, terms = _predictors(formula, table)
    _check_collinear(X, terms)
    coded = [(group, *_codes(table, group)) for group in formula.groups]
    _check_confounded([(group, codes) for group, codes, _ in coded])
    random = None
    if coded:
        random = CrossedIntercepts([codes for _, codes, _ in coded], [len(names) for _, _, names in coded])
    return Design(
        problem=Problem(
            y=y,
            X=X,
            n_categories=len(categories),
            link=link,
            random=random,
            weights=prior,
        ),
        terms=terms,
        categories=categories,
        levels={group.name: names for group, _, names in coded},
        n_dropped=n_dropped,
        notes=notes,
    )


def _check_roles(formula: Formula) -> None:
    grouping = {column for group in formula.groups for column in group.columns}
    if formula.response in grouping or formula.response in formula.fixed_columns:
        raise ConfigError(f"{formula.response!r} is the response and cannot also be a predictor or a group.")
    both = sorted(grouping & set(formula.fixed_columns))
    if both:
        raise ConfigError(
            f"{both[0]!r} is used both as a predictor and as a random term in {formula.text!r}; its effect cannot be "
            "told apart from its random intercept. Keep one of the two."
        )


def _table(
    formula: Formula, data: Any, weights: str | Sequence[float] | FloatArray | None
) -> tuple[pd.DataFrame, FloatArray | None]:
    """The needed columns as pandas, and the prior weights. ``data`` is pandas, polars or an Arrow table."""
    names = getattr(data, "column_names", None)
    if names is None:
        names = getattr(data, "columns", None)
    if names is None:
        raise SchemaError(
            f"The data must be a pandas or polars data frame or an Arrow table, not {type(data).__name__}."
        )
    known = [str(name) for name in names]
    wanted = [*formula.columns, *([weights] if isinstance(weights, str) else [])]
    absent = [name for name in wanted if name not in known]
    if absent:
        raise SchemaError(
            f"The data have no column {', '.join(map(repr, absent))}; their columns are {', '.join(known)}."
        )
    wanted = list(dict.fromkeys(wanted))
    table = data[wanted] if isinstance(data, pd.DataFrame) else data.select(wanted).to_pandas()
    table = table.reset_index(drop=True)
    if weights is None:
        return table, None
    prior = np.asarray(table[weights] if isinstance(weights, str) else weights, dtype=np.float64)
    if prior.shape != (len(table),):
        raise DataError(f"The weights must be one number per row: {len(table)} rows, weights {prior.shape}.")
    if not np.all(np.isfinite(prior)) or np.any(prior < 0):
        raise DataError("Weights must be finite and not negative; leave rows with unknown weights out beforehand.")
    return table, prior


def _drop_missing(
    table: pd.DataFrame, prior: FloatArray | None, missing: Missing
) -> tuple[pd.DataFrame, FloatArray | None, int]:
    """Rows without a missing value. Rows of weight zero say nothing and go too, uncounted."""
    if missing not in ("drop", "error"):
        raise ConfigError(f"missing={missing!r} is not known; choose 'drop' or 'error'.")
    absent = table.isna()
    incomplete = absent.any(axis=1).to_numpy()
    n_dropped = int(incomplete.sum())
    if n_dropped and missing == "error":
        where = ", ".join(f"{name} ({count})" for name, count in absent.sum().items() if count)
        raise DataError(
            f"{n_dropped} of {len(table)} rows lack a value: {where}. Complete them, or pass missing='drop' to leave "
            "them out and count them."
        )
    keep = ~incomplete if prior is None else ~incomplete & (prior > 0)
    if not keep.any():
        raise DataError("No complete row is left to fit; every row lacks a value or has weight zero.")
    return table[keep].reset_index(drop=True), None if prior is None else prior[keep], n_dropped


def _response(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    """Categories 0 … K-1 and their names. Raises DataError unless ratings are 1 … K or an ordered categorical."""
    name = column.name
    if isinstance(column.dtype, pd.CategoricalDtype):
        if not column.cat.ordered:
            raise DataError(
                f"The response {name!r} is a categorical without an order; make it ordered, e.g. with "
                ".cat.as_ordered() after setting the order of its categories."
            )
        codes = column.cat.codes.to_numpy().astype(np.intp)
        labels = tuple(str(label) for label in column.cat.categories)
    else:
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            raise DataError(
                f"The response {name!r} must hold whole numbers 1 … K or be an ordered categorical; it holds "
                f"{column.dtype} values such as {column.iloc[0]!r}."
            )
        values = column.to_numpy(dtype=np.float64)
        wrong = (values != np.round(values)) | (values < 1) | (values > 1000)
        if wrong.any():
            raise DataError(
                f"The response {name!r} must hold whole numbers 1 … K; {int(wrong.sum())} values do not, the first is "
                f"{values[wrong][0]:g}."
            )
        codes = values.astype(np.intp) - 1
        labels = tuple(str(k) for k in range(1, int(codes.max()) + 2))
    counts = np.bincount(codes, minlength=len(labels))
    if (counts > 0).sum() < 2:
        raise DataError(f"The response {name!r} is constant: every rating is {labels[int(codes[0])]}.")
    unused = [label for label, count in zip(labels, counts, strict=True) if not count]
    if unused:
        raise DataError(
            f"No rating of {name!r} falls into category {', '.join(unused)}, so its thresholds cannot be estimated; "
            "merge it with a neighbour or recode the response without it."
        )
    return codes, labels


def _used_levels(table: pd.DataFrame, columns: tuple[str, ...]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Predictors without levels that nobody has. Raises DataError for a predictor with a single value."""
    notes = []
    for name in columns:
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            used = column.cat.remove_unused_categories()
            unused = [str(level) for level in column.cat.categories if level not in used.cat.categories]
            if unused:
                notes.append(f"{name}: no rating has the level {', '.join(unused)}; it was left out.")
                table = table.assign(**{name: used})
        if column.nunique() < 2:
            raise DataError(
                f"The predictor {name!r} has a single value, {column.iloc[0]!r}, in the {len(table)} ratings used; "
                "remove it from the formula."
            )
    return table, tuple(notes)


def _predictors(formula: Formula, table: pd.DataFrame) -> tuple[FloatArray, tuple[str, ...]]:
    try:
        # an empty context: nothing of the calling code is visible to the formula
        matrix = formula.fixed.get_model_matrix(table[list(formula.fixed_columns)], context={}, na_action="ignore")
    except (FormulaicError, SyntaxError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"Cannot compute the predictors of {formula.text!r}: {error}") from error
    frame = pd.DataFrame(matrix).drop(columns="Intercept")
    terms = tuple(str(name) for name in frame.columns)
    X = np.ascontiguousarray(frame.to_numpy(dtype=np.float64)) if formula.fixed_columns else np.empty((len(table), 0))
    endless = [name for name, column in zip(terms, X.T, strict=True) if not np.all(np.isfinite(column))]
    if endless:
        raise DataError(f"The predictor {endless[0]!r} is not a finite number in every row.")
    return X, terms


def _check_collinear(X: FloatArray, terms: tuple[str, ...]) -> None:
    """Raise DataError that names a column which the thresholds and other columns determine, and those columns."""
    if not terms:
        return
    centred = X - X.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    constant = [terms[j] for j in np.flatnonzero(length <= 1e-10 * np.sqrt(len(X)) * (1 + np.abs(X).max(axis=0)))]
    if constant:
        raise DataError(f"The column {constant[0]!r} of the design is constant; remove it from the formula.")
    centred /= length
    _, triangle, order = linalg.qr(centred, mode="economic", pivoting=True, check_finite=False)
    rank = int((np.abs(np.diagonal(triangle)) > 1e-9).sum())
    if rank == len(terms):
        return
    dependent = order[rank]
    weights = linalg.solve_triangular(triangle[:rank, :rank], triangle[:rank, rank])
    others = sorted(order[:rank][np.abs(weights) > 1e-7])
    raise DataError(
        f"The column {terms[dependent]!r} is determined by {', '.join(repr(terms[j]) for j in others)}: their effects "
        "cannot be told apart. Remove one of the predictors, or merge levels."
    )


def _codes(table: pd.DataFrame, group: Group) -> tuple[IntArray, tuple[str, ...]]:
    """The level of each rating and the levels' names. Raises DataError where a random intercept makes no sense."""
    codes, names = pd.factorize(table[group.columns[0]].astype(object), sort=False)
    labels = [str(name) for name in names]
    for column in group.columns[1:]:
        inner, inner_names = pd.factorize(table[column].astype(object), sort=False)
        cells, codes = np.unique(codes * len(inner_names) + inner, return_inverse=True)
        labels = [f"{labels[cell // len(inner_names)]}:{inner_names[cell % len(inner_names)]}" for cell in cells]
    if len(labels) < 2:
        raise DataError(
            f"The grouping factor {group.name!r} has one level, {labels[0]!r}, so nothing varies between levels; "
            f"remove (1 | {group.name})."
        )
    if len(labels) == len(table):
        raise DataError(
            f"Every rating has its own level of {group.name!r} ({len(labels)} levels), so its random intercept "
            f"cannot be told apart from the noise of single ratings; remove (1 | {group.name})."
        )
    return codes.astype(np.intp), tuple(labels)


def _check_confounded(coded: list[tuple[Group, IntArray]]) -> None:
    for i, (one, codes) in enumerate(coded):
        for other, others in coded[:i]:
            n_cells = len(np.unique(codes * (others.max() + 1) + others))
            if n_cells == codes.max() + 1 == others.max() + 1:
                raise DataError(
                    f"The grouping factors {other.name!r} and {one.name!r} divide the ratings in the same way; "
                    "keep one."
                )
