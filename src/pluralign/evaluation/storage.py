"""Tables of the evaluation: used again where they were made from the same things, made anew otherwise."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pluralign.errors import SchemaError
from pluralign.manifests import Manifest, read_manifest
from pluralign.records import Schema, read

# Another version of these may give other responses from the same seed.
_ARITHMETIC = ("torch", "transformers", "peft")


def stored(path: Path, schema: Schema, manifest: Manifest) -> pd.DataFrame | None:
    """The table at ``path`` if it is whole and was made as ``manifest`` says; None where it has to be made."""
    try:
        if _origin(read_manifest(path)) == _origin(manifest):
            return read(path, schema)
    except SchemaError:
        pass
    return None


def _origin(manifest: Manifest) -> tuple[object, ...]:
    versions = {name: manifest.versions.get(name) for name in _ARITHMETIC}
    return manifest.what, dict(manifest.config), manifest.seed, dict(manifest.inputs), versions
