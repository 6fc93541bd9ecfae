"""Agreement with R's ``ordinal`` on real and simulated ratings: stored output always, live R under the marker ``r``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from pluralign.stats import ClmmFit, clm, clmm
from tests.stats.cases import CASES, Case
from tests.stats.oracle.refresh import fit_with_r

ORACLE = Path(__file__).parent / "oracle"
SIMULATED = [case for case in CASES if not case.needs_shared_data]
REAL = [case for case in CASES if case.needs_shared_data]


def fit(case: Case, table: pd.DataFrame) -> ClmmFit:
    weights = "weight" if "weight" in table else None
    return (clmm if "|" in case.formula else clm)(case.formula, table, case.link, weights=weights)


def check_against(rows: pd.DataFrame, ours: ClmmFit) -> None:
    """Estimates within 0.01 standard errors, standard errors within 0.5 %, log-likelihood at least R's."""
    assert ours.converged
    assert ours.diagnostics.separated == ()
    estimates = {name.replace("[T.", "").replace("]", ""): value for name, value in ours.coef.items()}
    errors = {name.replace("[T.", "").replace("]", ""): value for name, value in ours.standard_errors.items()}
    values: dict[str, Mapping[str, float]] = {
        "coef": estimates,
        "threshold": ours.thresholds,
        "random_sd": ours.random_sd,
    }
    columns = (rows[name].tolist() for name in ("kind", "term", "estimate", "std_error"))
    for kind, term, estimate, std_error in zip(*columns, strict=True):
        if kind in ("coef", "threshold"):
            assert values[kind][term] == pytest.approx(estimate, abs=0.01 * std_error)
            assert errors[term] == pytest.approx(std_error, rel=0.005)
        elif kind == "random_sd":
            assert ours.random_sd[term] == pytest.approx(estimate, abs=1e-3)
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
@pytest.mark.parametrize("name", ["small-logit", "small-probit", "weighted", "fixed-cloglog", "binary"])
def test_equals_live_r(name: str, tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed: Rscript is not on the path")
    case = next(case for case in CASES if case.name == name)
    table = case.load(Path())
    check_against(fit_with_r(case, table, tmp_path / "r.csv"), fit(case, table))
