"""Manifests say what something was made from, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.errors import SchemaError
from pluralign.manifests import Manifest, digest_of, read_manifest, write_manifest


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(what="run", config={"steps": 3}, seed=1, inputs={"pairs": "ab"}, rows_in=4, dropped={"tied": 2})
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert str(tmp_path) not in (tmp_path / "manifest.json").read_text()


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such manifest"),
        ("{", "not a readable manifest"),
        ("[]", "not a manifest of pluralign"),
        ('{"what": "x", "schema_version": 99}', "written for schema version 99"),
    ],
)
def test_an_unusable_manifest_is_refused_in_one_sentence(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(SchemaError, match=message):
        read_manifest(tmp_path)
