"""Whether a run that was begun earlier belongs to the inputs of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pluralign.errors import MismatchError, SchemaError
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, differing, digest_file, read_manifest
from pluralign.training.plans import PlannedRun
from pluralign.training.results import read_done
from pluralign.wording import counted

# A finished run stays good when these change; one that is to be gone on with would end with other numbers.
_ARITHMETIC_PACKAGES = ("torch", "transformers", "trl", "peft")


def refuse_changed(runs: Sequence[PlannedRun]) -> None:
    """Raise MismatchError where a run was begun with other inputs than today's, or its result is damaged."""
    found = [(run, changed) for run in runs if (changed := what_changed(run))]
    if not found:
        return
    run, changed = found[0]
    others = f" (and {counted(len(found) - 1, 'more run')})" if len(found) > 1 else ""
    raise MismatchError(
        f"{run.folder}{others}: not made from the present inputs; different: {', '.join(changed)}. Put the earlier "
        "inputs back, or begin the changed runs again with `pluralign train --restart`."
    )


def stale_pairs(folder: StudyFolder, runs: Sequence[PlannedRun]) -> list[str]:
    """A sentence for each condition whose pairs were made from other ratings than there are now."""
    ratings = folder.data / "ratings.parquet"
    if not ratings.is_file():
        return []
    now = digest_file(ratings)
    found = {
        (run.key.experiment, run.key.condition)
        for run in runs
        if run.manifest.config["ratings"] and run.manifest.config["ratings"] != now
    }
    return [
        f"Experiment {experiment}, condition {condition}: its pairs were made from other ratings than those that are "
        f"in {folder.data} now. `pluralign prefer` makes them anew."
        for experiment, condition in sorted(found)
    ]


def what_changed(run: PlannedRun) -> list[str]:
    """Names of what differs between the manifest in the run's folder and today's inputs; none where there is none."""
    if not (run.folder / "manifest.json").is_file():
        return ["manifest.json (missing)"] if run.finished else []
    try:
        stored = read_manifest(run.folder)
        return _differences(stored, run)
    except (SchemaError, KeyError, TypeError):
        return ["manifest.json (damaged)"]


def _differences(stored: Manifest, run: PlannedRun) -> list[str]:
    now = run.manifest
    found = [
        f"{name} ({_short(stored, name)}, now {_short(now, name)}{_why(name, stored, now)})"
        for name in sorted(stored.inputs.keys() | now.inputs.keys())
        if stored.inputs.get(name) != now.inputs.get(name)
    ]
    found += differing(stored.config["settings"], now.config["settings"])
    if stored.seed != now.seed:
        found.append("seed")
    if run.finished:
        return found if read_done(run.folder) else [*found, "adapter (missing or damaged)"]
    found += differing(stored.config["arithmetic"], now.config["arithmetic"])
    return found + [
        f"version of {name} ({stored.versions.get(name)}, now {now.versions.get(name)})"
        for name in _ARITHMETIC_PACKAGES
        if stored.versions.get(name) != now.versions.get(name)
    ]


def _short(manifest: Manifest, name: str) -> str:
    digest = manifest.inputs.get(name)
    return f"{digest[:8]}…" if digest else "none"


def _why(name: str, stored: Manifest, now: Manifest) -> str:
    """The pairs' own reason, where there is one: a run does not read ratings itself."""
    if name == "pairs" and stored.config.get("ratings") != now.config["ratings"]:
        return "; made from other ratings"
    return ""


def with_rows(manifest: Manifest, *, too_long: int, seen: int) -> Manifest:
    """The manifest with what became of the rows: too long, not reached in the steps there are, or seen."""
    not_reached = manifest.rows_in - too_long - seen
    return replace(manifest, rows_out=seen, dropped={"too_long": too_long, "not_reached": not_reached})
