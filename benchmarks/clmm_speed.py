"""How long mixed models take, beside R's ordinal::clmm in the same run, and how much memory.

    python benchmarks/clmm_speed.py [--shared DIR] [--no-r] [--repeat N] [CASE ...]

Cases: study (simulated: 5,475 ratings, 1,095 raters, 5 contexts, 16 coefficients), popquorn and insteval (real, from
the folder of shared data), million (simulated: 200,000 raters × 5 contexts). R is asked for study and popquorn only;
the other two would take it hours. Seconds are wall-clock from data frame to result, standard errors included;
pluralign's are the median of several fits. Each case is fitted in a process of its own, and peak memory is that
process's. Set OMP_NUM_THREADS=1 for numbers that do not depend on the number of cores; "CPU" shows how busy the machine
was otherwise.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[1]
FIT_R = REPOSITORY / "tests" / "stats" / "oracle" / "fit.R"


@dataclass(frozen=True, slots=True)
class Task:
    """What is fitted: ``load`` takes the folder of shared data."""

    formula: str
    load: Callable[[Path], pd.DataFrame]
    with_r: bool


def insteval(shared: Path) -> pd.DataFrame:
    """73,421 evaluations of 1,128 lecturers by 2,972 students."""
    table = pd.read_csv(shared / "clmm" / "insteval.csv.gz")
    return table.astype({"studage": str, "lectage": str, "service": str})


def million(_shared: Path) -> pd.DataFrame:
    """200,000 raters who rate one response from each of 5 contexts; six coefficients of two demographics."""
    random = np.random.default_rng(1)
    n_raters, n_contexts = 200_000, 5
    gender, age = random.integers(0, 3, n_raters), random.integers(0, 5, n_raters)
    effect = 0.2 * (gender == 1) - 0.4 * (age == 3) + 0.9 * random.standard_normal(n_raters)
    context = np.tile(np.arange(n_contexts), n_raters)
    eta = np.repeat(effect, n_contexts) + np.array([-0.6, -0.2, 0.0, 0.3, 0.5])[context]
    rating = 1 + np.searchsorted([-1.6, -0.4, 0.5, 1.9], eta + random.logistic(size=len(eta)))
    return pd.DataFrame(
        {
            "rating": rating,
            "gender": np.repeat(np.array(["he", "she", "they"])[gender], n_contexts),
            "age": np.repeat(np.array(["18-30", "31-40", "41-50", "51-60", "60+"])[age], n_contexts),
            "rater": np.repeat(np.arange(n_raters), n_contexts),
            "context": context,
        }
    )


def tasks() -> dict[str, Task]:
    """All cases by name; two are those of the tests."""
    sys.path.insert(0, str(REPOSITORY))
    from tests.stats.cases import CASES

    known = {case.name: case for case in CASES}
    return {
        "study": Task(known["study"].formula, known["study"].load, with_r=True),
        "popquorn": Task(known["popquorn"].formula, known["popquorn"].load, with_r=True),
        "insteval": Task("y ~ service + studage + lectage + (1 | s) + (1 | d) + (1 | dept)", insteval, with_r=False),
        "million": Task("rating ~ gender + age + (1 | rater) + (1 | context)", million, with_r=False),
    }


def fit_here(name: str, shared: Path, repeat: int) -> dict[str, float]:
    """Fit one case in this process; seconds and CPU seconds of the median fit, peak MiB, log-likelihood."""
    from pluralign.stats import clmm

    task = tasks()[name]
    table = task.load(shared)
    seconds, cpu = [], []
    for _ in range(repeat):
        start, start_cpu = time.perf_counter(), time.process_time()
        fit = clmm(task.formula, table)
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": statistics.median(seconds),
        "cpu": statistics.median(cpu),
        "peak_mib": peak,
        "log_likelihood": fit.log_likelihood,
        "converged": fit.converged,
        "n_ratings": fit.n_ratings,
    }


def fit_in_process(name: str, shared: Path, repeat: int) -> dict[str, float]:
    """The same in a fresh process, so that peak memory is its own."""
    command = [sys.executable, __file__, "--inside", name, "--shared", str(shared), "--repeat", str(repeat)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def fit_in_r(name: str, shared: Path) -> tuple[float, float]:
    """Seconds and log-likelihood of ordinal::clmm on the same table."""
    task = tasks()[name]
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "data.csv", Path(folder) / "out.csv"
        task.load(shared).to_csv(data, index=False)
        subprocess.run(["Rscript", str(FIT_R), str(data), str(out), task.formula, "logit", "flexible", "1"], check=True)
        rows = pd.read_csv(out).set_index("kind")["estimate"].astype(float)
    return float(rows["seconds"]), float(rows["log_likelihood"])


def main() -> None:
    """Print one line per case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", help="cases to run; all if none is given")
    parser.add_argument(
        "--shared", type=Path, default=REPOSITORY.parent / "shared" / "data", help="folder of real data"
    )
    parser.add_argument("--no-r", action="store_true", help="do not run R")
    parser.add_argument("--repeat", type=int, default=5, help="fits of the small cases, of which the median counts")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(fit_here(given.inside, given.shared, given.repeat)))
        return
    has_r = not given.no_r and shutil.which("Rscript") is not None
    print(
        f"{'case':10} {'ratings':>10} {'seconds':>9} {'CPU':>8} {'peak MiB':>9} "
        f"{'R seconds':>10} {'ratio':>7} {'logLik - R':>11}"
    )
    for name, task in tasks().items():
        if given.case and name not in given.case:
            continue
        ours = fit_in_process(name, given.shared, given.repeat if task.with_r else 1)
        line = (
            f"{name:10} {ours['n_ratings']:>10,} {ours['seconds']:>9.3f} {ours['cpu']:>8.3f} {ours['peak_mib']:>9.0f}"
        )
        if task.with_r and has_r:
            seconds, likelihood = fit_in_r(name, given.shared)
            gap = ours["log_likelihood"] - likelihood
            line += f" {seconds:>10.1f} {seconds / ours['seconds']:>6.0f}x {gap:>11.1e}"
        print(line if ours["converged"] else f"{line}  NOT CONVERGED", flush=True)


if __name__ == "__main__":
    main()
