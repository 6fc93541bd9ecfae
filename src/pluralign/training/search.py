"""The equal budget: what came of the settings that were tried for a condition, and which of them is best.

A setting is tried on a part of the train prompts. It is measured by how a referee likes the model's responses to the
others; the referee learns from the condition's ratings of these others alone. So neither the held-out prompts nor the
raters of the judges have a say, and no model is measured by ratings that it has learnt from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pluralign.errors import DataError
from pluralign.folder import StudyFolder
from pluralign.manifests import digest_of
from pluralign.storage import write_csv, write_json
from pluralign.study import Experiment, Search
from pluralign.study.training import TRIED_SETTINGS
from pluralign.training.plans import PlannedRun
from pluralign.training.results import read_done

_FILE = "tried.json"
TRIED, DIVERGED = "tried", "diverged"


class UndecidedError(DataError):
    """Raised where a model cannot be tuned yet, since settings for it have still to be tried."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. ``scores`` are mean rewards by prompt, in log odds of a more desirable rating; ``tokens``
    the mean length of a response; ``divergence`` in nats per token. A model that ``diverged`` has none of these.
    """

    scores: Mapping[str, float]
    tokens: float = math.nan
    divergence: float = math.nan
    diverged: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What came of a setting with all its seeds: mean score over prompts, its standard error over prompts, divergence,
    length; ``state`` is ``chosen``, ``tried``, ``diverged`` or ``too far``.
    """

    number: int
    score: float
    score_se: float
    divergence: float
    tokens: float
    state: str


def write_outcome(run: PlannedRun, outcome: Outcome) -> None:
    """Keep what came of a try in its folder."""
    write_json({"made_from": _origin(run), "adapter": _adapter(run), **asdict(outcome)}, run.folder / _FILE)


def read_outcome(run: PlannedRun) -> Outcome | None:
    """What came of a try; None where it is not known yet, or only of other inputs than today's."""
    try:
        content: dict[str, Any] = json.loads((run.folder / _FILE).read_text(encoding="utf-8"))
        made_from, adapter = content.pop("made_from"), content.pop("adapter")
        outcome = Outcome(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if made_from != _origin(run) or not (outcome.diverged or (adapter and adapter == _adapter(run))):
        return None
    return outcome


def is_open(run: PlannedRun) -> bool:
    """Whether anything is left to do: of a final model the tuning, of a try also what came of it."""
    return not run.finished if run.aside is None else read_outcome(run) is None


def settings_tried(experiment: Experiment, condition: str, runs: Sequence[PlannedRun]) -> list[Setting]:
    """What came of every setting, from the runs of a condition on which they were tried; the best one is chosen.

    Raises UndecidedError where a try is left to do, DataError where no setting can be chosen.
    """
    search = experiment.search
    assert search is not None
    where = f"Experiment {experiment.key}, condition {condition}"
    of_setting: dict[int, list[Outcome]] = {}
    for run in runs:
        outcome = read_outcome(run)
        if outcome is None:
            raise UndecidedError(
                f"{where}: its settings are not chosen yet, for {run.key} has not been tried. `pluralign train` "
                "does that first, or says why it fails."
            )
        of_setting.setdefault(run.key.tried, []).append(outcome)
    found = [_summed(number, outcomes, search) for number, outcomes in sorted(of_setting.items())]
    possible = [one for one in found if one.state == TRIED]
    if not possible:
        diverged = sum(one.state == DIVERGED for one in found)
        raise DataError(
            f"{where}: none of the {len(found)} settings tried can be used: {diverged} diverged, "
            f"{len(found) - diverged} ended further from the reference model than search.most_divergence. Try lower "
            "learning rates."
        )
    best = max(possible, key=lambda one: one.score)
    return [_chosen(one) if one is best else one for one in found]


def chosen(settings: Sequence[Setting]) -> int:
    """Number of the setting that was chosen."""
    return next(one.number for one in settings if one.state == "chosen")


def at_the_edge(search: Search, number: int) -> bool:
    """Whether the setting has the lowest or the highest learning rate tried, so that the best may lie beyond."""
    rates = [one.learning_rate for one in search.settings if one.learning_rate is not None]
    mine = search.settings[number - 1].learning_rate
    return mine is not None and len(set(rates)) > 1 and mine in (min(rates), max(rates))


def said(search: Search, settings: Sequence[Setting]) -> str:
    """The choice in a sentence, and whether to doubt it."""
    number = chosen(settings)
    stated = search.settings[number - 1].model_dump(exclude_none=True)
    values = ", ".join(f"{name} {value:g}" for name, value in stated.items())
    edge = "; it is the lowest or highest learning rate tried, a better one may lie beyond"
    return f"setting {number} of {len(settings)} is chosen ({values}){edge if at_the_edge(search, number) else ''}."


def write_table(
    folder: StudyFolder, experiment: Experiment, tried: Mapping[str, Sequence[tuple[PlannedRun, Setting]]]
) -> Path:
    """Write ``runs/<experiment>/search.csv``: a row for each condition and setting, with a run that tried it."""
    search = experiment.search
    assert search is not None
    rows = []
    for condition, settings in tried.items():
        for run, one in settings:
            assert run.aside is not None
            made = run.manifest.config["settings"]
            rows.append(
                {
                    "experiment": experiment.key,
                    "condition": condition,
                    **asdict(one),
                    **{name: made.get(name, math.nan) for name in TRIED_SETTINGS},
                    "at_edge": one.state == "chosen" and at_the_edge(search, one.number),
                    "prompts": len(run.aside.prompts),
                    "samples": search.samples,
                    "seeds": len(search.seeds),
                }
            )
    place = folder.runs / experiment.key / "search.csv"
    write_csv(pd.DataFrame(rows), place)
    return place


def _summed(number: int, outcomes: Sequence[Outcome], search: Search) -> Setting:
    if any(one.diverged for one in outcomes):
        return Setting(number, math.nan, math.nan, math.nan, math.nan, DIVERGED)
    scores = np.array([[one.scores[prompt] for prompt in sorted(one.scores)] for one in outcomes]).mean(axis=0)
    divergence = float(np.mean([one.divergence for one in outcomes]))
    far = search.most_divergence is not None and divergence > search.most_divergence
    return Setting(
        number,
        round(float(scores.mean()), 6),
        round(float(scores.std(ddof=1) / math.sqrt(len(scores))), 6) if len(scores) > 1 else math.nan,
        round(divergence, 6),
        round(float(np.mean([one.tokens for one in outcomes])), 3),
        "too far" if far else TRIED,
    )


def _chosen(one: Setting) -> Setting:
    return Setting(one.number, one.score, one.score_se, one.divergence, one.tokens, "chosen")


def _origin(run: PlannedRun) -> str:
    """Digest of all that decides what comes of a try."""
    assert run.aside is not None
    manifest, aside = run.manifest, run.aside
    tuned = [dict(manifest.inputs), manifest.config["settings"], manifest.config["arithmetic"], manifest.seed]
    return digest_of([tuned, dict(aside.prompts), aside.samples, asdict(aside.sampling), aside.ratings])


def _adapter(run: PlannedRun) -> str:
    return str((read_done(run.folder) or {}).get("adapter", ""))
