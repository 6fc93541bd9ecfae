"""Agreement with R's ``ordinal`` on real and simulated ratings: stored output always, live R under the marker ``r``."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pluralign.stats import ClmmFit, clm, clmm
from pluralign.stats.types import behind
from tests.stats.cases import CASES, Case
from tests.stats.oracle.refresh import fit_with_r

ORACLE = Path(__file__).parent / "oracle"
SIMULATED = [case for case in CASES if not case.needs_shared_data]
REAL = [case for case in CASES if case.needs_shared_data]


def fit(case: Case, table: pd.DataFrame) -> ClmmFit:
    weights = "weight" if "weight" in table else None
    if "|" not in case.formula:
        return clm(case.formula, table, case.link, threshold=case.threshold, weights=weights)
    return clmm(case.formula, table, case.link, threshold=case.threshold, nagq=case.nagq, weights=weights)


def as_in_r(name: str) -> str:
    """R writes groupb for group[T.b], and rater:group for group:rater."""
    plain = name.replace("[T.", "").replace("]", "")
    return ":".join(sorted(plain.split(":"), reverse=True))


def check_against(rows: pd.DataFrame, ours: ClmmFit) -> None:
    """Estimates within 0.01 standard errors, standard errors within 0.5 %, log-likelihood at least R's."""
    assert ours.converged
    assert ours.diagnostics.separated == ()
    alpha = np.sqrt(np.diagonal(behind(ours).covariance)).tolist()  # starts with the parameters of the thresholds
    errors = {as_in_r(name): value for name, value in ours.standard_errors.items()}
    errors.update(zip(ours.threshold_parameters, alpha, strict=False))
    values = {
        "coef": {as_in_r(name): value for name, value in ours.coef.items()},
        "threshold": dict(ours.threshold_parameters),
        "random_sd": {as_in_r(name): value for name, value in ours.random_sd.items()},
        "random_correlation": dict(ours.random_correlation),
    }
    columns = (rows[name].tolist() for name in ("kind", "term", "estimate", "std_error"))
    compared = 0
    for kind, term, estimate, std_error in zip(*columns, strict=True):
        if kind not in values:
            continue
        compared += 1
        if kind in ("coef", "threshold"):
            assert values[kind][term] == pytest.approx(estimate, abs=0.01 * std_error)
            assert errors[term] == pytest.approx(std_error, rel=0.005)
        else:
            assert values[kind][term] == pytest.approx(
                estimate, abs=1e-3 if np.isnan(errors[term]) else 0.01 * errors[term]
            )
    assert compared == ours.n_parameters
    theirs = rows.loc[rows["kind"] == "log_likelihood", "estimate"].item()
    assert ours.log_likelihood > theirs - 1e-4
    assert ours.log_likelihood == pytest.approx(theirs, abs=0.01)


@pytest.mark.parametrize("case", SIMULATED, ids=lambda case: case.name)
def test_equals_stored_r_output_on_simulated_ratings(case: Case) -> None:
    check_against(pd.read_csv(ORACLE / f"{case.name}.csv"), fit(case, case.load(Path())))


@pytest.mark.parametrize("case", REAL, ids=lambda case: case.name)
def test_equals_stored_r_output_on_real_ratings(case: Case, shared_data: Path) -> None:
    check_against(pd.read_csv(ORACLE / f"{case.name}.csv"), fit(case, case.load(shared_data)))


def test_coefficients_on_popquorn_equal_r_to_three_digits(shared_data: Path) -> None:
    case = REAL[0]
    ours = fit(case, case.load(shared_data))
    rows = pd.read_csv(ORACLE / f"{case.name}.csv")
    theirs = rows[rows["kind"] == "coef"].set_index("term")["estimate"]
    for name, value in ours.coef.items():
        assert value == pytest.approx(theirs[name.replace("[T.", "").replace("]", "")], abs=5e-4)


@pytest.mark.r
@pytest.mark.parametrize("name", ["small-logit", "weighted", "fixed-cloglog", "binary", "quadrature-probit"])
def test_equals_live_r(name: str, tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed: Rscript is not on the path")
    case = next(case for case in CASES if case.name == name)
    table = case.load(Path())
    check_against(fit_with_r(case, table, tmp_path / "r.csv"), fit(case, table))
