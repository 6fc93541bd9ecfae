"""Policies that look at social groups: no group outvotes another by its number."""

from __future__ import annotations

import numpy as np

from pluralign.preferences.comparing import Comparison, reasons, tally
from pluralign.preferences.opinions import Opinions
from pluralign.study import Condition

GROUPS_NEEDED = 2
"""With fewer groups that compared two responses there is nothing to balance."""

FEW_GROUPS = "few_groups"


def group_balanced(opinions: Opinions, condition: Condition) -> Comparison:
    """p within each group as under ``preserve``, then the plain mean over the groups that compared the two items."""
    tallies = [tally(opinions.of_group(group), condition.comparisons) for group in np.unique(opinions.group)]
    each = np.stack([counted.p for counted in tallies])
    taking_part = (~np.isnan(each)).sum(axis=0)
    p = np.where(taking_part >= GROUPS_NEEDED, np.nansum(each, axis=0) / np.maximum(taking_part, 1), np.nan).round(12)
    return Comparison(
        p=p,
        why=reasons(p, FEW_GROUPS),
        comparisons=np.sum([counted.comparisons for counted in tallies], axis=0),
        ties=np.sum([counted.ties for counted in tallies], axis=0),
        within_rater=np.sum([counted.within_rater for counted in tallies], axis=0),
        opinions=np.sum([counted.opinions for counted in tallies], axis=0),
    )


def maximin(opinions: Opinions, condition: Condition) -> Comparison:  # noqa: ARG001 - every policy is called alike
    """The item is better whose least satisfied group is better off.

    A group's satisfaction with an item is the weighted mean of its members' utilities; of two items only the groups
    count that rated both.
    """
    n, groups = len(opinions.items), np.unique(opinions.group)
    satisfaction = np.full((len(groups), n), np.nan)
    for place, group in enumerate(groups):
        mine = opinions.of_group(int(group))
        total = np.bincount(mine.item, weights=mine.weight, minlength=n)
        sums = np.bincount(mine.item, weights=mine.weight * mine.criteria[:, 0], minlength=n)
        rated = total > 0
        satisfaction[place, rated] = (sums[rated] / total[rated]).round(9)
    both = ~np.isnan(satisfaction[:, :, None]) & ~np.isnan(satisfaction[:, None, :])
    # (groups, n, n): what each group makes of the row's item, where it rated the column's item too.
    worst = np.where(both, satisfaction[:, :, None], np.inf).min(axis=0)
    p = np.where(worst > worst.T, 1.0, np.where(worst < worst.T, 0.0, 0.5))
    p[both.sum(axis=0) < GROUPS_NEEDED] = np.nan
    one = np.ones((n, n), dtype=np.int64)
    counts = np.bincount(opinions.item, minlength=n).astype(np.int64)
    return Comparison(
        p=p,
        why=reasons(p, FEW_GROUPS),
        comparisons=one,
        ties=(p == 0.5).astype(np.int64),
        within_rater=np.zeros_like(one),
        opinions=np.broadcast_to(counts[:, None], (n, n)),
    )
