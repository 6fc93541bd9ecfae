"""Whether a simulation's planted effects were found again."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from pluralign.stats.labels import Labels
from pluralign.study import Demographic

Planted = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Dimension, demographic and code of the unmerged answer to log odds; what is not named has no effect, and NaN stands
for an answer whose effect is no single number."""

_COPIED = [
    "dimension",
    "dimension_label",
    "demographic",
    "demographic_label",
    "level",
    "level_label",
    "reference",
    "reference_label",
    "estimate",
    "low",
    "high",
]
RECOVERY_COLUMNS = (*_COPIED[:8], "planted", *_COPIED[8:], "covered")


def recovery(table: pd.DataFrame, planted: Planted, labels: Labels) -> pd.DataFrame:
    """Compare every estimated coefficient of a demographic with what was planted.

    ``table`` is the table of coefficients; interactions and perspectives are left out, for none are planted.
    ``planted`` becomes the planted log odds of the level against the reference level. ``covered`` is ``yes`` or ``no``
    (is planted within the 95 % interval?), ``not comparable`` where no single number was planted, as when codes with
    different effects were merged into the level or its reference, and ``not estimated`` where there is no usable
    interval.
    """
    rows = []
    asked = table["demographic"].isin(labels.study.demographic_keys)
    for row in table[asked].to_dict("records"):
        demographic = labels.study.demographic(str(row["demographic"]))
        effects = planted.get(str(row["dimension"]), {}).get(demographic.key, {})
        merged = demographic.key in labels.study.analysis.merges
        level = _constant(effects, _codes(demographic, str(row["level"]), merged))
        reference = _constant(effects, _codes(demographic, str(row["reference"]), merged))
        truth = None if level is None or reference is None else level - reference
        covered = _covered(truth, row)
        rows.append({**{name: row[name] for name in _COPIED}, "planted": truth, "covered": covered})
    result = pd.DataFrame(rows, columns=list(RECOVERY_COLUMNS))
    return result.astype({"planted": float})


def recovery_sentence(table: pd.DataFrame) -> str:
    """How many planted effects lie in their intervals, and which do not, in plain words."""
    judged = table[table["covered"].isin(["yes", "no"])]
    if judged.empty:
        return "No planted effect could be compared with an estimate."
    outside = judged[judged["covered"] == "no"]
    effects = judged[judged["planted"] != 0]
    found = int((effects["covered"] == "yes").sum())
    text = (
        f"{len(judged) - len(outside)} of {len(judged)} planted coefficients lie in their 95 % intervals "
        f"({found} of the {len(effects)} that are not zero); about one in twenty is expected outside by chance."
    )
    if outside.empty:
        return f"{text} None lies outside."
    named = "; ".join(
        f"{row['dimension_label']}, {row['level_label']} (planted {row['planted']:+.2f}, interval "
        f"{row['low']:+.2f} to {row['high']:+.2f})"
        for row in outside.to_dict("records")
    )
    return f"{text} Outside: {named}."


def _codes(demographic: Demographic, level: str, merged: bool) -> tuple[str, ...]:
    return demographic.merges.get(level, (level,)) if merged else (level,)


def _constant(effects: Mapping[str, float], codes: tuple[str, ...]) -> float | None:
    values = {float(effects.get(code, 0.0)) for code in codes}
    return values.pop() if len(values) == 1 else None


def _covered(truth: float | None, row: Mapping[Hashable, Any]) -> str:
    if truth is None or math.isnan(truth):
        return "not comparable"
    if row["note"] or pd.isna(row["low"]) or pd.isna(row["high"]):
        return "not estimated"
    return "yes" if row["low"] <= truth <= row["high"] else "no"
