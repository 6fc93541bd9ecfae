"""`pluralign init` says what comes next."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pluralign.cli import pluralign


@pytest.mark.parametrize("template", ["gender-values", "minimal"])
def test_the_commands_named_at_the_end_are_there(tmp_path: Path, template: str) -> None:
    folder = tmp_path / "study"
    said = CliRunner().invoke(pluralign, ["init", str(folder), "--template", template], catch_exceptions=False).stdout
    assert f"--study {folder}" in said.splitlines()[0]
    commands = [line.split()[1] for line in said.splitlines()[1:]]
    assert commands == ["corpus", "serve", "simulate", "import", "run"]
    assert set(commands) <= set(pluralign.commands)
