"""How often each policy's pairs point to the response that is truly better, on simulated raters.

Raters of the template gender-values rate the demo corpus; what is better is known, since the simulation planted it.
Call it with `python benchmarks/policies.py`; it takes about ten seconds on one core.
"""

from __future__ import annotations

from statistics import fmean

import pandas as pd

from pluralign.corpus.demo import load_demo
from pluralign.feedback import Feedback, simulate
from pluralign.preferences import make_pairs
from pluralign.study import Condition, Study, parse, template_text

DIMENSION = "emotional_awareness"
SEEDS = range(3)
RATER_SDS = (1.0, 2.5)
CONDITIONS: dict[str, dict[str, object]] = {
    "preserve": {},
    "preserve, across": {"comparisons": "across"},
    "preserve, across, leniency removed": {"comparisons": "across", "leniency": "removed"},
    "preserve, across, 3 points": {"comparisons": "across", "scale": 3},
    "preserve, across, 2 points": {"comparisons": "across", "scale": 2, "neutral": "drop"},
    "majority": {"policy": "majority", "ties": "drop"},
    "mean": {"policy": "mean"},
    "mean, leniency removed": {"policy": "mean", "leniency": "removed"},
    "median": {"policy": "median"},
    "unanimous": {"policy": "unanimous"},
}


def with_rater_sd(study: Study, sd: float) -> Study:
    """The study whose simulated raters differ in leniency with this standard deviation, in log odds."""
    data = study.model_dump()
    data["simulation"]["rater_sd"][DIMENSION] = sd
    return Study.model_validate(data)


def pairs_and_share_right(
    feedback: Feedback, study: Study, quality: pd.Series[float], settings: dict[str, object]
) -> tuple[int, float]:
    """Number of pairs, and the share of them whose chosen response is the better one."""
    condition = Condition.model_validate({"key": "c", "policy": "preserve", "scale": study.points, **settings})
    desirable = {dimension.key: dimension.desirable for dimension in study.dimensions}
    pairs, _ = make_pairs(feedback, condition, {DIMENSION: 1.0}, desirable=desirable, language="en")
    gain = pairs["chosen"].map(quality) - pairs["rejected"].map(quality)
    return len(pairs), float((gain[gain != 0] > 0).mean())


def main() -> None:
    """Print one line per condition: pairs and the share that is right, for each spread of leniency."""
    template = parse(template_text("gender-values"))
    prompts, items = load_demo()
    found: dict[str, list[str]] = {name: [] for name in CONDITIONS}
    for sd in RATER_SDS:
        study = with_rater_sd(template, sd)
        results: dict[str, list[tuple[int, float]]] = {name: [] for name in CONDITIONS}
        for seed in SEEDS:
            feedback, truth = simulate(study, prompts, items, seed=seed)
            texts = feedback.items.set_index("item")["text_en"]
            quality = texts.map(lambda text, truth=truth: truth.standing(text, DIMENSION, "en"))
            for name, settings in CONDITIONS.items():
                results[name].append(pairs_and_share_right(feedback, study, quality, settings))
        for name, each in results.items():
            found[name].append(f"{fmean(n for n, _ in each):.0f} | {100 * fmean(share for _, share in each):.0f} %")
    heads = " | ".join(f"pairs, sd {sd:g} | right" for sd in RATER_SDS)
    print(f"| condition | {heads} |\n|---|{'---|---|' * len(RATER_SDS)}")
    for name, cells in found.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
