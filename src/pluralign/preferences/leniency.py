"""Taking out of ratings how lenient each rater is, by the conditional modes of a cumulative link mixed model.

Some people rate everything higher than others do. Comparing one rater's rating of one response with another rater's of
another mixes that into the preference. The model

    P(rating <= k) = F(threshold_k - rater - item),    F logistic

says that a rating k means: the rater's impression of the item, ``item`` + noise, lay between
``threshold_(k-1) - rater`` and ``threshold_k - rater``. The rating is replaced by the mean of the impressions in that
interval, in log odds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pluralign.errors import ConvergenceError, DataError
from pluralign.preferences.opinions import Floats


def impressions(ratings: pd.DataFrame, dimension: str) -> pd.Series[float]:
    """The rating of each row (``rater, item, value``; one dimension) on the logit scale, without the rater's leniency.

    Raises DataError where the ratings do not allow the model and ConvergenceError where it was not fitted.
    """
    from pluralign.stats import clmm  # SciPy's optimisers are wanted by few conditions

    values = ratings["value"].to_numpy(dtype=np.int64)
    used = np.unique(values)
    frame = pd.DataFrame(
        {
            "value": pd.Categorical(values, categories=used, ordered=True),
            "rater": ratings["rater"].to_numpy(),
            "item": ratings["item"].to_numpy(),
        }
    )
    try:
        fit = clmm("value ~ 1 + (1 | rater) + (1 | item)", frame)
    except DataError as error:
        raise DataError(f"`leniency: removed` needs a model of the ratings on {dimension}: {error}") from error
    if not fit.converged:
        raise ConvergenceError(
            f"`leniency: removed`: the model of the ratings on {dimension} did not converge. Use `leniency: kept` with "
            "`comparisons: within`, which needs no model, or collect more ratings per rater and item."
        )
    modes = fit.modes["rater"].set_index("level")["mode"]
    leniency = frame["rater"].map(modes).to_numpy(dtype=np.float64)
    cuts = np.r_[-np.inf, list(fit.thresholds.values()), np.inf]
    place = np.searchsorted(used, values)
    # Over items and noise together impressions are spread more widely than a standard logistic variable.
    spread = float(np.sqrt(1 + 3 * fit.random_sd["item"] ** 2 / np.pi**2))
    low, high = (cuts[place] - leniency) / spread, (cuts[place + 1] - leniency) / spread
    return pd.Series(spread * mean_between(low, high), index=ratings.index)


def mean_between(low: Floats, high: Floats) -> Floats:
    """Mean of a standard logistic variable given that it lies between ``low`` and ``high`` (either may be infinite).

    The integral of x f(x) is x F(x) - log(1 + exp(x)). Written with the smaller tail, so that nothing cancels: an
    interval far to the right is turned over.
    """
    right = low > -high  # the middle of the interval lies above 0
    a, b = np.where(right, -high, low), np.where(right, -low, high)
    share = _cdf(b) - _cdf(a)
    mean: Floats = (_moment(b) - _moment(a)) / share
    return np.where(right, -mean, mean)


def _cdf(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def _moment(x: Floats) -> Any:
    """x F(x) - log(1 + exp(x)), which goes to 0 on either side."""
    finite = np.where(np.isfinite(x), x, 0.0)
    return np.where(np.isfinite(x), finite * _cdf(finite) - np.logaddexp(0.0, finite), 0.0)
