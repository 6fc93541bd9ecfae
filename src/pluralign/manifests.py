"""What a table or a run was made from: configuration, seed, digests of inputs, rows in and out, rows dropped by reason.

A manifest holds no clock and no absolute path, so that the same work gives the same manifest on any machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pluralign.errors import SchemaError
from pluralign.storage import write_json

SCHEMA_VERSION = 1
_RECORDED_PACKAGES = (
    "pluralign",
    "numpy",
    "scipy",
    "pandas",
    "formulaic",
    "torch",
    "transformers",
    "trl",
    "peft",
)


def installed_versions() -> dict[str, str]:
    """Versions of the packages on which numbers depend, those that are installed."""
    found = {}
    for name in _RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The origin of a table or a run.

    ``what`` names it; ``inputs`` maps names to SHA-256 digests; ``dropped`` maps reasons to numbers of rows;
    ``digest`` is that of the file described, filled in on writing.
    """

    what: str
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    rows_in: int = 0
    rows_out: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    digest: str = ""
    schema_version: int = SCHEMA_VERSION

    def of_file(self, path: Path, *, rows: int) -> Manifest:
        """This manifest with the digest and the number of rows of the file it describes."""
        return replace(self, digest=digest_file(path), rows_out=rows)


def manifest_path(path: Path) -> Path:
    """Where the manifest of a table (a file) or of a run (a folder) lies."""
    return path / "manifest.json" if path.is_dir() else path.with_suffix(".manifest.json")


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest of the table or run at ``path``."""
    write_json(asdict(manifest), manifest_path(path))


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of the table or run at ``path``; SchemaError where there is none or it cannot be used."""
    file = manifest_path(path)
    if not file.is_file():
        raise SchemaError(f"{file}: there is no such manifest; run the stage that makes {path.name} again.")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SchemaError(f"{file}: this is not a readable manifest ({error}). Make {path.name} again.") from error
    known = {entry.name for entry in fields(Manifest)}
    if not isinstance(content, dict) or not {"what", "schema_version"} <= content.keys() <= known:
        raise SchemaError(f"{file}: this is not a manifest of pluralign. Make {path.name} again.")
    if content["schema_version"] != SCHEMA_VERSION:
        raise SchemaError(
            f"{file}: written for schema version {content['schema_version']}; this version of pluralign reads "
            f"{SCHEMA_VERSION}. Make {path.name} again."
        )
    return Manifest(**content)


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of settings, each by its name with both values."""
    return [
        f"{name} ({before.get(name)}, now {now.get(name)})"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON-able value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
