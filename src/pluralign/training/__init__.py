"""Tuning models on preference pairs: direct preference optimisation with low-rank adapters, through TRL.

torch, transformers, TRL and PEFT are imported inside functions, so that importing this package costs nothing.
"""

from pluralign.training.changes import discard_changed_runs
from pluralign.training.grid import RunKey
from pluralign.training.results import RunResult
from pluralign.training.stage import train

__all__ = ["RunKey", "RunResult", "discard_changed_runs", "train"]
