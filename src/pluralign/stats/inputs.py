"""What models accept: data frames of any library, weights, missing values, and the response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd

from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.stats.crossed import IntArray
from pluralign.stats.formula import Formula
from pluralign.stats.links import FloatArray

Missing: TypeAlias = Literal["drop", "error"]
Weights: TypeAlias = str | Sequence[float] | FloatArray | None

_MOST_CATEGORIES = 1000


def read(
    formula: Formula, data: Any, weights: Weights, missing: Missing
) -> tuple[pd.DataFrame, FloatArray | None, int]:
    """The complete rows of the columns that ``formula`` needs, their prior weights, and how many rows were dropped.

    ``data`` is a pandas or polars data frame, an Arrow table, or anything else that narwhals reads eagerly. Raises
    SchemaError for absent columns, DataError for bad weights and, where ``missing`` is "error", for missing values.
    """
    table = columns_of(data, [*formula.columns, *([weights] if isinstance(weights, str) else [])])
    return _drop_missing(table, _prior(table, weights), missing)


def columns_of(data: Any, names: Sequence[str]) -> pd.DataFrame:
    """The named columns as pandas, with rows numbered from 0."""
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise SchemaError(
            f"The data must be a pandas or polars data frame or an Arrow table, not {type(data).__name__}."
        ) from error
    known = [str(name) for name in frame.columns]
    absent = [name for name in names if name not in known]
    if absent:
        raise SchemaError(
            f"The data have no column {', '.join(map(repr, absent))}; their columns are {', '.join(known)}."
        )
    table: pd.DataFrame = frame.select(*dict.fromkeys(names)).to_pandas()
    return table.reset_index(drop=True)


def _prior(table: pd.DataFrame, weights: Weights) -> FloatArray | None:
    if weights is None:
        return None
    given = table[weights] if isinstance(weights, str) else weights
    try:
        prior = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("Weights must be numbers, one per row.") from error
    if prior.shape != (len(table),):
        raise DataError(f"The weights must be one number per row: {len(table)} rows, weights {prior.shape}.")
    known = prior[~np.isnan(prior)] if isinstance(weights, str) else prior
    if not np.all(np.isfinite(known)) or np.any(known < 0):
        raise DataError("Weights must be finite and not negative; leave rows with unknown weights out beforehand.")
    return prior


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


def response(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    """Categories 0 … K-1 and their names. Raises DataError unless ratings are 1 … K or an ordered categorical."""
    name = column.name
    codes, labels = _ordered(column) if isinstance(column.dtype, pd.CategoricalDtype) else _whole_numbers(column)
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


def _ordered(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    if not column.cat.ordered:
        raise DataError(
            f"The response {column.name!r} is a categorical without an order; make it ordered, e.g. with "
            ".cat.as_ordered() after setting the order of its categories."
        )
    return column.cat.codes.to_numpy().astype(np.intp), tuple(str(label) for label in column.cat.categories)


def _whole_numbers(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise DataError(
            f"The response {column.name!r} must hold whole numbers 1 … K or be an ordered categorical; it holds "
            f"{column.dtype} values such as {column.iloc[0]!r}."
        )
    values = column.to_numpy(dtype=np.float64)
    wrong = (values != np.round(values)) | (values < 1) | (values > _MOST_CATEGORIES)
    if wrong.any():
        raise DataError(
            f"The response {column.name!r} must hold whole numbers 1 … K; {int(wrong.sum())} values do not, the first "
            f"is {values[wrong][0]:g}."
        )
    codes = values.astype(np.intp) - 1
    return codes, tuple(str(k) for k in range(1, int(codes.max()) + 2))
