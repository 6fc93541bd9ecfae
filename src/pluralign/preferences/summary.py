"""What became of the ratings under each condition: the lines of ``preferences/summary.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pluralign.preferences.matching import couples
from pluralign.preferences.pairs import PairCounts
from pluralign.storage import write_csv
from pluralign.study import Condition, Experiment, Study


def summary_line(
    experiment: Experiment,
    condition: Condition,
    pairs: pd.DataFrame,
    counts: PairCounts,
    left_out: Mapping[str, int],
    characters: pd.Series[int],
) -> dict[str, object]:
    """One condition's settings, counts and means; ``characters`` is the length of each item's text.

    ``mean_p`` is the mean probability of the more likely direction, ``within_rater_share`` the share of the
    comparisons that were made within raters. The mean lengths of chosen and rejected texts are weighted by the
    probability of the direction, since models learn from a difference in length as well.
    """
    couple = couples(pairs)
    unique = pairs.loc[~couple.duplicated()]
    return {
        "experiment": experiment.key,
        "condition": condition.key,
        "policy": condition.policy,
        "scale": condition.scale,
        "neutral": condition.neutral or "",
        "mode_ties": condition.ties or "",
        "whose": condition.whose or "",
        "half": condition.half or "",
        "weights": condition.weights,
        "groups": " ".join(condition.groups),
        "combine": condition.combine,
        "comparisons": condition.comparisons,
        "leniency": condition.leniency,
        "rows": condition.rows,
        "size": condition.size,
        "raters": counts.raters,
        "ratings": counts.ratings,
        **{f"ratings_{reason}": number for reason, number in counts.ratings_dropped.items()},
        "candidate_pairs": counts.candidates,
        **{f"dropped_{reason}": number for reason, number in counts.dropped.items()},
        "natural_pairs": counts.natural,
        "natural_even": counts.even,
        **{f"matching_{reason}": number for reason, number in left_out.items()},
        "matched_pairs": len(unique),
        "matched_rows": len(pairs),
        "prompts": int(pairs["prompt"].nunique()),
        "pairs_within_rater": int((unique["within_rater"] == unique["comparisons"]).sum()),
        "within_rater_share": round(float(unique["within_rater"].sum() / unique["comparisons"].sum()), 4),
        "mean_p": round(float((pairs["p"] * pairs["weight"]).groupby(couple).max().mean()), 4),
        **_lengths(pairs, characters),
    }


def updated(
    file: Path, lines: Sequence[Mapping[str, object]], study: Study, made: Sequence[Experiment]
) -> pd.DataFrame:
    """Write ``lines`` to ``file`` in the place of those about the experiments just made; return all of it.

    Lines about experiments that the study no longer has go. Where nothing is left to say, the file goes.
    """
    order = {experiment.key: place for place, experiment in enumerate(study.experiments)}
    still = set(order) - {experiment.key for experiment in made}
    earlier = pd.read_csv(file, keep_default_na=False) if file.is_file() else pd.DataFrame({"experiment": []})
    earlier = earlier.loc[earlier["experiment"].isin(still)]
    parts = [part for part in (earlier, pd.DataFrame(list(lines))) if len(part)]
    if not parts:
        file.unlink(missing_ok=True)
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values("experiment", key=lambda keys: keys.map(order), kind="stable", ignore_index=True)
    write_csv(table, file)
    return table


def _lengths(pairs: pd.DataFrame, characters: pd.Series[int]) -> dict[str, float]:
    """Mean characters of the better and of the worse response, each pair counted with mass 1."""
    chosen, rejected = pairs["chosen"].map(characters), pairs["rejected"].map(characters)
    mass = pairs["weight"].sum()
    up, down = pairs["weight"] * pairs["p"], pairs["weight"] * (1 - pairs["p"])
    return {
        "characters_chosen": round(float((up * chosen + down * rejected).sum() / mass), 1),
        "characters_rejected": round(float((up * rejected + down * chosen).sum() / mass), 1),
    }
