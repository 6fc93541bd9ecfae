"""Taking part: consent, quotas, assignment, answers, withdrawal. ``now`` is an argument throughout."""
