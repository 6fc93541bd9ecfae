"""Refits every case with R and stores the numbers: ``python -m tests.stats.oracle.refresh SHARED_DATA [CASE ...]``.

Needs R with the package ordinal. Only estimates are stored, never a row of data.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from tests.stats.cases import CASES, Case

HERE = Path(__file__).parent


def fit_with_r(case: Case, table: pd.DataFrame, out: Path) -> pd.DataFrame:
    """Write ``table`` for R, fit ``case`` there, and return R's rows (kind, term, estimate, std_error)."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.csv"
        table.to_csv(data, index=False)
        command = ["Rscript", str(HERE / "fit.R"), str(data), str(out), case.formula, case.link]
        subprocess.run(command, check=True, capture_output=True, text=True)
    return pd.read_csv(out)


def main(shared: Path, names: list[str]) -> None:
    """Store the output of R for the named cases, or for all."""
    for case in CASES:
        if not names or case.name in names:
            rows = fit_with_r(case, case.load(shared), HERE / f"{case.name}.csv")
            print(case.name, rows.loc[rows["kind"] == "log_likelihood", "estimate"].item())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
