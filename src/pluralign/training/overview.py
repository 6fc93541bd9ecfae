"""The table of an experiment's models: what each of them read, how its loss fell, how far it moved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pluralign.errors import SchemaError
from pluralign.folder import StudyFolder
from pluralign.manifests import read_manifest
from pluralign.storage import csv_of, write_csv
from pluralign.study import Study
from pluralign.training.failures import read_failure
from pluralign.training.grid import RunKey, grid
from pluralign.training.results import said_done

FILE = "models.csv"
_NUMBERS = ("learning_rate", "rows_seen", "too_long", "steps", "tokens", "first_loss", "last_loss", "divergence")


def write_models(folder: StudyFolder, study: Study, experiments: Sequence[str]) -> None:
    """Write ``runs/<experiment>/models.csv``: a row for every model that is asked for, whether it is there or not.

    ``rows_seen`` are those of the data that it has seen at least once; ``tokens`` those of all texts that it has
    read, as often as it has, and of the responses that were sampled from it; ``steps`` count the warm-up;
    ``divergence`` is that from the base model in nats per token.
    """
    for name in dict.fromkeys(experiments):
        rows = [
            {"experiment": name, "condition": key.condition, "seed": key.seed, "method": training.method}
            | _found(folder, key)
            for key, training in grid(study, [name])
            if not key.tried
        ]
        _write_if_new(pd.DataFrame(rows), folder.runs / name / FILE)


def _write_if_new(table: pd.DataFrame, place: Path) -> None:
    """What has not changed is not touched."""
    try:
        known = place.read_text(encoding="utf-8") == csv_of(table)
    except (OSError, ValueError):
        known = False
    if not known:
        write_csv(table, place)


def _found(folder: StudyFolder, key: RunKey) -> dict[str, object]:
    place = key.folder(folder)
    nothing: dict[str, object] = {
        "state": "failed" if read_failure(place) else "unfinished",
        **dict.fromkeys(_NUMBERS, math.nan),
    }
    done = said_done(place)
    try:
        manifest = read_manifest(place)
        settings = manifest.config["settings"]
        if done is None:
            return nothing | {"learning_rate": settings["learning_rate"]}
        found = (
            settings["learning_rate"],
            manifest.rows_out,
            manifest.dropped["too_long"],
            done["steps"],
            done.get("tokens", math.nan),
            round(done["loss"]["first"], 6) + 0.0,  # not -0.0
            round(done["loss"]["last"], 6) + 0.0,
            done["kl"].get("per_token", math.nan),
        )
    except (SchemaError, KeyError, TypeError, AttributeError):
        return nothing
    return {"state": "finished", **dict(zip(_NUMBERS, found, strict=True))}
