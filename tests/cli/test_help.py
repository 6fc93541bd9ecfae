"""`--help` says what each command does, to the end of the sentence."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pluralign.cli import pluralign


def groups(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        yield path
        for name, below in command.commands.items():
            yield from groups(below, *path, name)


@pytest.mark.parametrize("path", list(groups(pluralign)), ids=" ".join)
def test_no_line_on_a_command_is_cut_short(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(pluralign, [*path, "--help"], catch_exceptions=False).stdout
    listed = shown.split("Commands:")[1].strip().splitlines()
    assert listed
    assert [line for line in listed if not line.endswith(".")] == []
    assert [line for line in listed if line.endswith("..")] == []
