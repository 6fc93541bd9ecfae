"""Equal numbers of pairs over the same prompts, so that a difference is the policy's and not the sample size's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pandas as pd

LEFT_OUT = ("prompt_not_in_all", "subsampled")
"""Why a pair is left out when conditions are matched: another condition has none on its prompt, or has fewer."""


def match(conditions: Mapping[str, pd.DataFrame], seed: int) -> dict[str, tuple[pd.DataFrame, dict[str, int]]]:
    """Reduce tables of pairs to the same number of pairs for each prompt, the smallest that any condition has.

    Which pairs of a prompt stay is decided by a hash of ``seed`` and the two items, so that it depends neither on
    the order of rows nor of conditions, and conditions keep the same pairs where they can. The two rows that hard
    rows make of one pair stay together and count once. Returns for each condition the rows kept, in their order, and
    the number of pairs dropped by reason, those of LEFT_OUT.
    """
    ranked = {name: _ranked(pairs, seed) for name, pairs in conditions.items()}
    sizes = pd.DataFrame({name: rows.groupby("prompt")["rank"].max() + 1 for name, rows in ranked.items()})
    size = sizes.dropna().min(axis=1)
    matched = {}
    for name, rows in ranked.items():
        allowed = rows["prompt"].map(size)
        absent, above = allowed.isna(), rows["rank"] >= allowed
        matched[name] = (
            conditions[name].loc[(~absent & ~above).to_numpy()].reset_index(drop=True),
            {
                reason: int(rows.loc[which, "couple"].nunique())
                for reason, which in zip(LEFT_OUT, (absent, above), strict=True)
            },
        )
    return matched


def couples(pairs: pd.DataFrame) -> pd.Series[str]:
    """A name for the two items of each row that is the same in both directions."""
    ids = zip(pairs["chosen"], pairs["rejected"], strict=True)
    return pd.Series(["\x00".join(sorted(two)) for two in ids], index=pairs.index, dtype="str")


def _ranked(pairs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """``prompt``, ``couple`` and the couple's ``rank`` within its prompt, from 0, for each row."""
    rows = pd.DataFrame({"prompt": pairs["prompt"].to_numpy(), "couple": couples(pairs).to_numpy()})
    unique = rows.drop_duplicates("couple")
    order = [hashlib.sha256(f"{seed}\x00{couple}".encode()).hexdigest() for couple in unique["couple"]]
    unique = unique.assign(order=order).sort_values("order")
    rank = unique.groupby("prompt").cumcount().set_axis(unique["couple"])
    return rows.assign(rank=rows["couple"].map(rank))
