"""Whether `pluralign plan` agrees with brute force: simulate whole studies, analyse each, count the significant ones.

    python benchmarks/plan_check.py [--studies 300] [--raters 500 1000]

The case is the template gender-values: ethnicity black against white on emotional awareness, log odds 0.362.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from pluralign.feedback.simulation import ITEM_NOISE_SD
from pluralign.stats.power import count, power_at, raters_needed, sensitivity
from pluralign.stats.scenario import scenario
from pluralign.study import parse, template_text


def main() -> None:
    """Print the plan's power and the share counted, with their 95 % intervals, and the time each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--raters", type=int, nargs="*", default=[500, 1000])
    given = parser.parse_args()
    case = scenario(
        parse(template_text("gender-values")),
        dimension="emotional_awareness",
        demographic="ethnicity",
        code="black",
        items=100,
        item_noise_sd=ITEM_NOISE_SD,
    )
    began = time.perf_counter()
    found = sensitivity(case)
    say(f"plan: {time.perf_counter() - began:.0f} s, {found}")
    say(f"raters needed for 80 %: {raters_needed(found, case.effect)}")
    for raters in given.raters:
        began = time.perf_counter()
        counted = count(case, raters, studies=given.studies)
        power, low, high = (float(values[0]) for values in power_at(found, case.effect, np.array([float(raters)])))
        say(
            f"{raters} raters: plan {power:.3f} ({low:.3f} to {high:.3f}), counted {counted.power:.3f} "
            f"({counted.low:.3f} to {counted.high:.3f}) of {counted.studies}, {counted.failed} failed, "
            f"{time.perf_counter() - began:.0f} s"
        )


def say(line: str) -> None:
    """Write one line at once, for runs that take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
