"""Where things lie in a study folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """The places in a study folder. Nothing is created by asking for a place."""

    root: Path

    @property
    def study_file(self) -> Path:
        """The study file, the source of everything else."""
        return self.root / "study.yaml"

    @property
    def data(self) -> Path:
        """prompts, items, raters and ratings."""
        return self.root / "data"

    @property
    def analysis(self) -> Path:
        """Tables and figures of the analysis."""
        return self.root / "analysis"

    @property
    def preferences(self) -> Path:
        """``<experiment>/<condition>/pairs.parquet`` and a summary."""
        return self.root / "preferences"

    @property
    def runs(self) -> Path:
        """``<experiment>/<condition>/seed-<n>/``: one folder per tuned model."""
        return self.root / "runs"

    @property
    def evaluation(self) -> Path:
        """Responses of base and tuned models, judgements, comparisons."""
        return self.root / "evaluation"

    @property
    def report(self) -> Path:
        """The report."""
        return self.root / "report"

    def pairs(self, experiment: str, condition: str) -> Path:
        """The preference pairs of one condition."""
        return self.preferences / experiment / condition / "pairs.parquet"

    def run(self, experiment: str, condition: str, seed: int) -> Path:
        """The folder of one tuned model."""
        return self.runs / experiment / condition / f"seed-{seed}"
