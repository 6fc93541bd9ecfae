"""Tuning models on preferences: runs for every condition and seed, with low-rank adapters, through TRL.

torch, transformers, TRL and PEFT are imported inside functions, so that importing this package costs nothing.
"""

from pluralign.training.failures import Failure, RunsFailedError, read_failure
from pluralign.training.grid import RunKey
from pluralign.training.results import RunResult
from pluralign.training.schedule import discard_changed_runs
from pluralign.training.stage import train

__all__ = ["Failure", "RunKey", "RunResult", "RunsFailedError", "discard_changed_runs", "read_failure", "train"]
