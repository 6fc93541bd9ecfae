"""From ratings to preference pairs: whose ratings, on which scale, and what becomes of disagreement."""

from pluralign.preferences.export import Exported, export_dataset, to_trl
from pluralign.preferences.matching import match
from pluralign.preferences.pairs import PairCounts, make_pairs
from pluralign.preferences.stage import prefer

__all__ = ["Exported", "PairCounts", "export_dataset", "make_pairs", "match", "prefer", "to_trl"]
