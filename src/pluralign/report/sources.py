"""Everything a report is made from, read from the study folder; what is not there yet is None or empty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pluralign.errors import SchemaError
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file, manifest_path, read_manifest
from pluralign.report.blocks import Column
from pluralign.report.numbers import Numbers
from pluralign.report.wording import Wording, wording
from pluralign.stats.labels import Labels
from pluralign.study import Study

_TEXT_COLUMNS = (
    *("dimension", "demographic", "level", "reference", "term", "kind", "context", "unit", "item", "status", "note"),
    *("reason", "covered", "experiment", "condition", "policy", "neutral", "mode_ties", "whose", "rows"),
    *(
        "caution",
        "variant",
        "first",
        "second",
        "most_contested",
        "against",
        "desirable",
        "change",
        "judge_verdict",
        "verdict",
        "meaning",
        "language",
        "state",
        "seed",
        "problem",
        "round",
    ),
)
"""Columns that hold text even where all their values look like numbers."""

_STAGES = ("analysis", "preferences", "runs", "evaluation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A study with its tables. ``analysis`` and ``evaluation`` map the names of their CSV files to what these hold.

    ``outdated`` maps a stage's folder to those of its inputs that have changed since it ran. ``manifests`` are those
    of tables and runs, by path within the study folder. ``rounds`` is what people said of the models' responses.
    ``problems`` has the conditions without pairs, and why. ``runs`` are the tables that training writes, by path.
    """

    folder: StudyFolder
    study: Study
    labels: Labels
    say: Wording
    numbers: Numbers
    feedback: Feedback | None
    analysis: Mapping[str, pd.DataFrame]
    preferences: pd.DataFrame | None
    problems: pd.DataFrame | None
    evaluation: Mapping[str, pd.DataFrame]
    rounds: pd.DataFrame | None
    runs: Mapping[str, pd.DataFrame]
    manifests: Mapping[str, Manifest]
    outdated: Mapping[str, tuple[str, ...]]

    def has_rows(self, name: str) -> bool:
        """Whether the analysis has a table of that name with anything in it."""
        return name in self.analysis and not self.analysis[name].empty

    def columns(self, heads: Iterable[tuple[str, bool]]) -> list[Column]:
        """The columns of a table, each from the key of its heading's wording and whether it holds numbers."""
        return [Column(self.say(head), number) for head, number in heads]


def gather(folder: StudyFolder, study: Study, language: str | None) -> Sources:
    """Read what the study folder holds.

    Raises ConfigError for a language the study does not have, SchemaError for a file that is damaged.
    """
    labels = Labels(study, language or study.languages[0])
    say = wording(labels.language)
    summary, problems = folder.preferences / "summary.csv", folder.preferences / "problems.csv"
    return Sources(
        folder=folder,
        study=study,
        labels=labels,
        say=say,
        numbers=Numbers(say.language),
        feedback=Feedback.load(folder.data) if (folder.data / "ratings.parquet").is_file() else None,
        analysis=_tables(folder.analysis) if manifest_path(folder.analysis).is_file() else {},
        preferences=_csv(summary) if summary.is_file() else None,
        problems=_csv(problems) if problems.is_file() else None,
        evaluation=_tables(folder.evaluation),
        rounds=_rounds(folder, study),
        runs={path.relative_to(folder.root).as_posix(): _csv(path) for path in sorted(folder.runs.glob("*/*.csv"))},
        manifests=_manifests(folder),
        outdated={name: changed for name in _STAGES if (changed := _changed(folder, folder.root / name))},
    )


def _tables(place: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: _csv(path) for path in sorted(place.glob("*.csv"))}


def _rounds(folder: StudyFolder, study: Study) -> pd.DataFrame | None:
    """What people said of the models, all rounds that have come back; of experiments that the study still has."""
    files = sorted(folder.evaluation.glob("rounds/*/differences.csv"))
    if not files:
        return None
    rows = pd.concat([_csv(path) for path in files], ignore_index=True)
    rows = rows.loc[rows["experiment"].isin([experiment.key for experiment in study.experiments])]
    return None if rows.empty else rows


def _csv(path: Path) -> pd.DataFrame:
    """A table; only an empty cell is missing, and missing text is empty text."""
    try:
        names = pd.read_csv(path, nrows=0, encoding="utf-8").columns
        texts = [name for name in names if name in _TEXT_COLUMNS or name.endswith("_label")]
        frame = pd.read_csv(
            path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(texts, str), encoding="utf-8"
        )
    except (ValueError, OSError) as error:
        raise SchemaError(
            f"{path}: this is not a readable table ({error}). Run the stage that made it again."
        ) from error
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), "") for name in texts})


def _manifests(folder: StudyFolder) -> dict[str, Manifest]:
    """The manifests of folders (``manifest.json``) and of tables (``pairs.manifest.json`` beside ``pairs.parquet``)."""
    found = {}
    for file in sorted(folder.root.rglob("*manifest.json")):
        stem = file.name.removesuffix("manifest.json").removesuffix(".")
        tables = [path for suffix in ("parquet", "csv") if (path := file.with_name(f"{stem}.{suffix}")).is_file()]
        for described in [file.parent] if not stem else tables:
            found[described.relative_to(folder.root).as_posix()] = read_manifest(described)
    return found


def _changed(folder: StudyFolder, place: Path) -> tuple[str, ...]:
    """Files that a stage noted as its inputs and that now have another content."""
    record = place / "stage.json"
    if not record.is_file():
        return ()
    try:
        noted = json.loads(record.read_text(encoding="utf-8"))
    except ValueError:
        return (record.relative_to(folder.root).as_posix(),)
    files = {name: digest for name, digest in noted.items() if (folder.root / name).is_file()}
    return tuple(sorted(name for name, digest in files.items() if digest_file(folder.root / name) != digest))
