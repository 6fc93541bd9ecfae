"""How well reward models serve raters whom they have not learnt from: the demo corpus with simulated raters.

Prints quality by dimension and group for the three policies that make rewards, on the hidden states of SmolLM2.

Run: python benchmarks/rewards.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pandas as pd
import yaml

from pluralign.corpus.demo import load_demo
from pluralign.feedback import simulate
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest
from pluralign.preferences import prefer
from pluralign.progress import SILENT
from pluralign.study import create, load
from pluralign.training.materials import Materials
from pluralign.training.rewards.making import reward_of
from pluralign.training.schedule import planned_runs

CONDITIONS = [
    {"key": "preserve", "policy": "preserve"},
    {"key": "intercepts", "policy": "preserve", "leniency": "removed"},
    {"key": "balanced", "policy": "group-balanced", "groups": ["political_spectrum"]},
    {"key": "maximin", "policy": "maximin", "groups": ["political_spectrum"]},
]
COLUMNS = ["group", "raters", "responses", "ratings", "spearman", "spearman_low", "spearman_high", "gain", "gain_low"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = StudyFolder(Path(name) / "study")
        file = create(folder.root, "gender-values")
        text = yaml.safe_load(file.read_text(encoding="utf-8"))
        text["training"] |= {"method": "rloo"}
        del text["training"]["dpo_beta"]
        conditions = [{**one, "scale": 5, "training": {"method": "rloo"}} for one in CONDITIONS]
        text["experiments"] = [{"key": "rewards", "objective": {"emotional_awareness": 1.0}, "conditions": conditions}]
        file.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
        study = load(file)
        feedback, truth = simulate(study, *load_demo(), seed=1)
        feedback.save(folder.data, Manifest(what="simulated"), truth)
        prefer(folder, study)
        runs, _ = planned_runs(folder, study)
        materials = Materials(folder)
        for run in {run.key.condition: run for run in runs}.values():
            reward_of(run, folder, study, materials, SILENT)
            table = pd.read_csv(run.folder.parent / "reward" / "quality.csv")
            print(f"\n{run.key.condition}")
            print(table[COLUMNS].round(2).to_string(index=False))


if __name__ == "__main__":
    main()
