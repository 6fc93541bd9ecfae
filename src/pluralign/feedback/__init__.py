"""Ratings as one object: imported, loaded, saved, restricted to groups of raters, put on coarser scales, simulated."""

from pluralign.feedback.adapters import ADAPTERS
from pluralign.feedback.bundle import Feedback, split_raters
from pluralign.feedback.simulation import simulate
from pluralign.feedback.truth import Truth

__all__ = ["ADAPTERS", "Feedback", "Truth", "simulate", "split_raters"]
