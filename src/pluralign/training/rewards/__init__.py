"""Reward models, learnt from ratings: what they read, how they are fitted, how good they are."""
