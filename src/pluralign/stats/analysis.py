"""The stage ``analyze``: who rated what, and how groups of raters differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralign.errors import PluralignError
from pluralign.manifests import Manifest, digest_file, manifest_path, write_manifest
from pluralign.progress import SILENT, Progress
from pluralign.stats import descriptives, effects, figures
from pluralign.stats.agreement import krippendorff_alpha
from pluralign.stats.clmm import clm, clmm
from pluralign.stats.formula import parse
from pluralign.stats.labels import Labels
from pluralign.stats.model_frame import ModelFrame, model_frame
from pluralign.stats.plotting import house_style, save
from pluralign.stats.recovery import Planted, recovery, recovery_sentence
from pluralign.storage import write_csv
from pluralign.study import Study

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

FIT_COLUMNS = (
    "dimension",
    "dimension_label",
    "status",
    "note",
    "ratings",
    "raters",
    "items",
    "categories",
    "dropped",
    "log_likelihood",
)
DROPPED_COLUMNS = ("dimension", "dimension_label", "reason", "ratings")

_READ = (
    "dimension_label",
    "level_label",
    "reference_label",
    "percent",
    "odds_ratio",
    "odds_low",
    "odds_high",
    "p",
    "p_holm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The tables of an analysis; each is the file of the same name with the ending ``.csv``.

    ``fits`` has one row per dimension: ``status`` is ``fitted``, ``doubtful`` (not converged: not to be used) or
    ``failed``; ``note`` gives the reason, or what to be careful about. ``dropped`` counts the ratings left out of the
    models, by reason. ``coefficients`` and ``parameters`` hold what was estimated (see :mod:`pluralign.stats.effects`).
    ``recovery`` exists for simulated ratings only.
    """

    raters: pd.DataFrame
    ratings: pd.DataFrame
    distribution: pd.DataFrame
    contexts: pd.DataFrame
    load: pd.DataFrame
    agreement: pd.DataFrame
    fits: pd.DataFrame
    dropped: pd.DataFrame
    coefficients: pd.DataFrame
    parameters: pd.DataFrame
    recovery: pd.DataFrame | None = None

    @property
    def significant(self) -> pd.DataFrame:
        """The usable coefficients with p < 0.05 before any correction, in the columns that a reader needs."""
        usable = self.coefficients[(self.coefficients["note"] == "") & (self.coefficients["p"] < 0.05)]
        return usable[list(_READ)].reset_index(drop=True)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that exist, by name."""
        found = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: table for name, table in found.items() if table is not None}


def analyze(
    feedback: Feedback,
    study: Study,
    out: Path,
    truth: Planted | None = None,
    progress: Progress = SILENT,
    *,
    language: str | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Analysis:
    """Describe the ratings, fit the study's model to each dimension, write tables and figures into ``out``.

    ``truth`` holds the planted log odds of a simulation. ``language`` is that of the labels, the study's first if not
    given. ``inputs`` are digests of the files the ratings come from, for the manifest. A dimension that cannot be
    fitted is a row of ``fits`` with its reason; the others go on. The manifest is removed first and written last, so
    a folder without one is unfinished.

    Raises DataError where there are no raters or no ratings, ConfigError for a language the study does not have.
    """
    labels = Labels(study, language or study.languages[0])
    described = _describe(feedback, labels)
    fitted = _fit_all(feedback.long_frame(), labels, progress)
    found = recovery(fitted["coefficients"], truth, labels) if truth is not None else None
    analysis = Analysis(**described, **fitted, recovery=found)
    if found is not None:
        progress.say(recovery_sentence(found))
    progress.start("writing tables and figures", None)
    _write(analysis, out, _manifest(feedback, labels, analysis, dict(inputs or {})))
    progress.finish()
    return analysis


def _describe(feedback: Feedback, labels: Labels) -> dict[str, pd.DataFrame]:
    ratings = feedback.ratings
    return {
        "raters": descriptives.raters_by_demographic(feedback.raters, labels),
        "ratings": descriptives.rating_summary(ratings, labels),
        "distribution": descriptives.rating_distribution(ratings, labels),
        "contexts": descriptives.items_by_context(feedback.items, ratings, labels),
        "load": descriptives.load(ratings),
        "agreement": krippendorff_alpha(ratings, labels),
    }


def _fit_all(long: pd.DataFrame, labels: Labels, progress: Progress) -> dict[str, pd.DataFrame]:
    dimensions = descriptives.dimensions_of(long, labels.study)
    fits: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    coefficients: list[pd.DataFrame] = []
    parameters: list[pd.DataFrame] = []
    progress.start("fitting a model to each dimension", len(dimensions))
    for dimension in dimensions:
        progress.advance(0, labels.dimension(dimension))
        named = {"dimension": dimension, "dimension_label": labels.dimension(dimension)}
        row: dict[str, Any] = dict(named)
        try:
            prepared = model_frame(long, labels.study, dimension)
            dropped += [{**named, "reason": why, "ratings": number} for why, number in prepared.dropped.items()]
            row |= _counts(prepared)
            row |= _fit(prepared, dimension, labels, coefficients, parameters)
        except PluralignError as error:
            row |= {"status": "failed", "note": str(error)}
            progress.say(f"{labels.dimension(dimension)}: no fit. {error}")
        fits.append(row)
        progress.advance()
    progress.finish()
    return {
        "fits": pd.DataFrame(fits, columns=list(FIT_COLUMNS)),
        "dropped": pd.DataFrame(dropped, columns=list(DROPPED_COLUMNS)),
        "coefficients": effects.with_holm(_stacked(coefficients, effects.COEFFICIENT_COLUMNS)),
        "parameters": _stacked(parameters, effects.PARAMETER_COLUMNS),
    }


def _fit(
    prepared: ModelFrame,
    dimension: str,
    labels: Labels,
    coefficients: list[pd.DataFrame],
    parameters: list[pd.DataFrame],
) -> dict[str, Any]:
    formula = labels.study.analysis.formula
    fit = (clmm if parse(formula).groups else clm)(formula, prepared.frame)
    coefficients.append(effects.coefficients(fit, prepared, dimension, labels))
    parameters.append(effects.other_parameters(fit, dimension, labels))
    return {
        "status": "fitted" if fit.converged else "doubtful",
        "note": " ".join(fit.warnings),
        "log_likelihood": fit.log_likelihood,
    }


def _counts(prepared: ModelFrame) -> dict[str, Any]:
    frame = prepared.frame
    return {
        "ratings": len(frame),
        "raters": frame["rater"].nunique(),
        "items": frame["item"].nunique(),
        "categories": prepared.categories,
        "dropped": sum(prepared.dropped.values()),
    }


def _stacked(tables: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    filled = [table for table in tables if not table.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def _manifest(feedback: Feedback, labels: Labels, analysis: Analysis, inputs: dict[str, str]) -> Manifest:
    settings = labels.study.analysis
    dropped = {
        f"{row['dimension']}: {row['reason']}": int(row["ratings"]) for row in analysis.dropped.to_dict("records")
    }
    return Manifest(
        what="analysis",
        config={**settings.model_dump(mode="json"), "link": "logit", "language": labels.language},
        inputs=inputs,
        rows_in=len(feedback.ratings),
        rows_out=int(analysis.fits["ratings"].fillna(0).sum()),
        dropped=dropped,
    )


def _write(analysis: Analysis, out: Path, manifest: Manifest) -> None:
    out.mkdir(parents=True, exist_ok=True)
    manifest_path(out).unlink(missing_ok=True)
    for stale in ("recovery.csv", "forest.svg", "forest.png"):
        (out / stale).unlink(missing_ok=True)
    written = []
    for name, table in analysis.tables().items():
        write_csv(table, out / f"{name}.csv")
        written.append(f"{name}.csv")
    language = manifest.config["language"]
    with house_style():
        written += save(figures.distributions(analysis.distribution, language=language), out, "distribution")
        forest = figures.forest(analysis.coefficients, language=language)
        if forest is not None:
            written += save(forest, out, "forest")
    digests = {name: digest_file(out / name) for name in sorted(written)}
    write_manifest(out, replace(manifest, config={**manifest.config, "files": digests}))
