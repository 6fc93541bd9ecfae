"""What `pluralign doctor` says of optional parts."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from click.testing import CliRunner

from pluralign.cli import pluralign


def test_an_optional_package_that_is_missing_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_but_two(name: str) -> str:
        if name in ("openai", "ray"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(import_module("pluralign.cli.doctor"), "version", all_but_two)
    shown = CliRunner().invoke(pluralign, ["doctor", "--json", "--study", str(tmp_path)]).stdout
    parts = {row["part"]: row for row in json.loads(shown)}

    assert (parts["openai"]["state"], parts["openai"]["mend"]) == (
        "absent",
        "for models on a server: pip install 'pluralign[servers]'",
    )
    assert parts["ray"]["mend"] == "for training on a Ray cluster: pip install 'pluralign[ray]'"
    assert parts["sentencepiece"]["found"] == version("sentencepiece")
    assert {"deepl", "inspect_ai", "starlette"} <= set(parts)
