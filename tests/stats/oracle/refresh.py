"""Refits every case with R and stores the numbers: ``python -m tests.stats.oracle.refresh SHARED_DATA [CASE ...]``.

Needs R with the package ordinal. Only estimates are stored, never a row of data.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from tests.stats.cases import CASES, Case, small

HERE = Path(__file__).parent
RESULTS = "results"


def fit_with_r(case: Case, table: pd.DataFrame, out: Path) -> pd.DataFrame:
    """Write ``table`` for R, fit ``case`` there, and return R's rows (kind, term, estimate, std_error)."""
    run_r("fit.R", table, out, case.formula, case.link_in_r or case.link, case.threshold, str(case.nagq))
    return pd.read_csv(out)


def run_r(script: str, table: pd.DataFrame, out: Path, *arguments: str) -> None:
    """Run a script of this folder on ``table``; it writes ``out``."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.csv"
        table.to_csv(data, index=False)
        command = ["Rscript", str(HERE / script), str(data), str(out), *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True)


def main(shared: Path, names: list[str]) -> None:
    """Store the output of R for the named cases, or for all."""
    for case in CASES:
        if not names or case.name in names:
            rows = fit_with_r(case, case.load(shared), HERE / f"{case.name}.csv")
            print(case.name, rows.loc[rows["kind"] == "log_likelihood", "estimate"].item())
    if not names or RESULTS in names:
        run_r("results.R", small(), HERE / f"{RESULTS}.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
