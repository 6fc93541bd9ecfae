"""Whether the mixed model finds what was planted: bias, coverage of 95 % intervals, false positives.

    python benchmarks/clmm_recovery.py [--studies N] [--seed N]

Every study is simulated anew at the size of the original one: 1,095 raters who rate 5 responses each, one per context,
with five demographics (16 coefficients, four of them not zero), a random intercept per rater and one per context. It
prints one row per coefficient and summaries.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.stats import clmm

FORMULA = "rating ~ country + gender + age + spectrum + ethnicity + (1 | rater) + (1 | context)"
LEVELS = {
    "country": ("de", "us"),
    "gender": ("she", "he", "they"),
    "age": ("18-30", "31-40", "41-50", "51-60", "60+"),
    "spectrum": ("centre", "conservative", "liberal", "rather conservative", "rather liberal"),
    "ethnicity": ("white", "asian", "black", "hispanic", "mena", "mixed"),
}
PLANTED = {
    ("gender", "he"): -0.2,
    ("age", "51-60"): -0.5,
    ("spectrum", "rather conservative"): 0.25,
    ("ethnicity", "black"): 0.4,
}
THRESHOLDS = np.array([-1.6, -0.4, 0.5, 1.9])
RATER_SD, CONTEXT_SD = 0.9, 0.6
N_RATERS, N_CONTEXTS = 1095, 5


def simulate(random: np.random.Generator) -> pd.DataFrame:
    """The ratings of one study."""
    raters = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(random.integers(0, len(levels), N_RATERS), list(levels))
            for name, levels in LEVELS.items()
        }
    )
    effect = RATER_SD * random.standard_normal(N_RATERS)
    for (name, level), size in PLANTED.items():
        effect = effect + size * (raters[name] == level).to_numpy()
    rater, context = np.repeat(np.arange(N_RATERS), N_CONTEXTS), np.tile(np.arange(N_CONTEXTS), N_RATERS)
    eta = effect[rater] + (CONTEXT_SD * random.standard_normal(N_CONTEXTS))[context]
    rating = 1 + np.searchsorted(THRESHOLDS, eta + random.logistic(size=len(eta)))
    return raters.loc[rater].reset_index(drop=True).assign(rating=rating, rater=rater, context=context)


def truth() -> dict[str, float]:
    """The planted coefficient of every term of the model."""
    return {
        f"{name}[T.{level}]": PLANTED.get((name, level), 0.0) for name, levels in LEVELS.items() for level in levels[1:]
    }


def summarise(estimates: NDArray[np.float64], errors: NDArray[np.float64], planted: dict[str, float]) -> pd.DataFrame:
    """One row per coefficient; ``estimates`` and ``errors`` are (studies, coefficients)."""
    values = np.array(list(planted.values()))
    rejected = np.abs(estimates / errors) > 1.959964
    return pd.DataFrame(
        {
            "coefficient": list(planted),
            "planted": values,
            "bias": (estimates - values).mean(axis=0),
            "sd": estimates.std(axis=0, ddof=1),
            "mean_std_error": errors.mean(axis=0),
            "coverage": (np.abs(estimates - values) < 1.959964 * errors).mean(axis=0),
            "rejected": rejected.mean(axis=0),
        }
    )


def main() -> None:
    """Simulate, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    planted = truth()
    estimates, errors, doubtful, start = [], [], 0, time.perf_counter()
    for random in np.random.default_rng(given.seed).spawn(given.studies):
        fit = clmm(FORMULA, simulate(random))
        if not fit.converged:
            doubtful += 1
            continue
        estimates.append([fit.coef[term] for term in planted])
        errors.append([fit.standard_errors[term] for term in planted])
    table = summarise(np.array(estimates), np.array(errors), planted)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    null = table[table["planted"] == 0]
    print(f"\n{len(estimates)} studies, {doubtful} not converged, {time.perf_counter() - start:.0f} s")
    print(f"coverage of 95 % intervals: {table['coverage'].mean():.2%}")
    print(f"false positives at 5 %: {null['rejected'].mean():.2%} of {len(null)} coefficients that are zero")
    print(
        f"largest bias: {table['bias'].abs().max():.4f}; sd / mean standard error: "
        f"{(table['sd'] / table['mean_std_error']).mean():.3f}"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
