"""From a table back to the ratings: the files that it was made from, and theirs, checked by their digests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pluralign.errors import SchemaError
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file, manifest_path, read_manifest

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RESPONSES = re.compile(r"evaluation/(?P<run>(?!base/)[^/]+/[^/]+/seed-\d+)/items\.parquet")


@dataclass(frozen=True, slots=True)
class Link:
    """A file behind a number, ``depth`` steps back.

    ``state`` is ``unchanged`` (its digest is the one that was noted), ``changed`` (a file of that name is there with
    another content), ``outside`` (not a file of the study, such as a model) or ``unstated`` (nothing was noted).
    """

    depth: int
    name: str
    state: Literal["unchanged", "changed", "outside", "unstated"]
    digest: str
    manifest: Manifest | None = None


def lineage(folder: StudyFolder, file: str) -> list[Link]:
    """``file``, a path within the study folder, and everything it was made from, each once, nearest first."""
    known = _digests(folder.root)
    path = folder.root / file
    manifest = _manifest(path)
    digest = known.get(path, "")
    stated = _stated(path, manifest)
    state: Literal["unchanged", "changed", "unstated"] = "unstated"
    if stated:
        state = "unchanged" if stated == digest else "changed"
    first = Link(0, file, state, digest, manifest)
    return [first, *_behind(folder.root, first, {digest: path for path, digest in known.items()}, {file})]


def _stated(path: Path, manifest: Manifest | None) -> str:
    """The digest that a table's own manifest states for it, or that of its folder; empty where neither does."""
    if manifest is None or not path.is_file():
        return ""
    if manifest_path(path).is_file():
        return manifest.digest
    files = manifest.config.get("files")
    return str(files.get(path.name, "")) if isinstance(files, dict) else ""


def _behind(root: Path, link: Link, by_digest: Mapping[str, Path], seen: set[str]) -> Iterator[Link]:
    inputs = dict(link.manifest.inputs) if link.manifest is not None else {}
    for name, digest in inputs.items():
        if not _DIGEST.fullmatch(digest):
            continue
        found = _link(root, link, name, digest, by_digest)
        if found.name not in seen:
            seen.add(found.name)
            yield found
            yield from _behind(root, found, by_digest, seen)
    # Responses name the digest of an adapter without its path; the run that made it lies where its name says.
    if (run := _RESPONSES.fullmatch(link.name)) and (root / "runs" / run["run"]).is_dir():
        name = f"runs/{run['run']}"
        if name not in seen:
            seen.add(name)
            found = Link(link.depth + 1, name, "unstated", "", _manifest(root / name))
            yield found
            yield from _behind(root, found, by_digest, seen)


def _link(root: Path, link: Link, name: str, digest: str, by_digest: Mapping[str, Path]) -> Link:
    if digest in by_digest:
        path = by_digest[digest]
        return Link(link.depth + 1, path.relative_to(root).as_posix(), "unchanged", digest, _manifest(path))
    # What has changed is no way back: what it is now was made from other things.
    state: Literal["changed", "outside"] = "changed" if (root / name).is_file() else "outside"
    return Link(link.depth + 1, name, state, digest)


def _manifest(path: Path) -> Manifest | None:
    """A file's own manifest, or that of its folder, or what the stage that wrote it noted."""
    for described in (path, path.parent):
        try:
            return read_manifest(described)
        except SchemaError:
            continue
    try:
        noted = json.loads((path.parent / "stage.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Manifest(what=f"stage {path.parent.name}", inputs={name: str(value) for name, value in noted.items()})


def _digests(root: Path) -> dict[Path, str]:
    """Of every table of the study; the one that comes first by name where two are equal."""
    tables = [path for suffix in ("parquet", "csv", "json", "yaml") for path in root.rglob(f"*.{suffix}")]
    return {path: digest_file(path) for path in sorted(tables, reverse=True)}
