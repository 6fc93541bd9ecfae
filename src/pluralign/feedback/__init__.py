"""Ratings as one object: loaded, saved, restricted to groups of raters, put on coarser scales, simulated."""

from pluralign.feedback.bundle import Feedback, split_raters

__all__ = ["Feedback", "split_raters"]
