"""Accounts from the command line."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.survey.database import Database
from pluralign.survey.database.tables import researcher
from pluralign.survey.researchers import accounts
from tests.survey.researchers.conftest import PASSWORD

Command = Callable[..., int]


@pytest.fixture
def command(root: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    def call(*arguments: str, typed: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return run_command_line(pluralign, ["survey", *arguments, "--study", str(root), "--database", database_url])

    return call


def test_an_account_is_made_listed_and_removed(
    command: Command, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("add-researcher", "Ada", "--role", "manager", typed=f"{PASSWORD}\n") == 0
    assert "Ada may log in as manager" in capsys.readouterr().out
    with database.read() as connection:
        stored = connection.execute(select(researcher.c.password_hash)).scalar_one()
    assert accounts.check(stored, PASSWORD)
    assert command("researchers") == 0
    assert capsys.readouterr().out == "Ada  manager\n"
    assert command("remove-researcher", "Ada") == 0
    assert command("researchers") == 0
    assert "Nobody yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [("Ada", "short", "at least 12 are needed"), (" ", PASSWORD, "printable"), ("A\nB", PASSWORD, "printable")],
)
def test_what_cannot_be_an_account_is_explained(
    command: Command, capsys: pytest.CaptureFixture[str], name: str, password: str, message: str
) -> None:
    assert command("add-researcher", name, typed=f"{password}\n") == 2
    assert message in capsys.readouterr().err


def test_a_name_is_given_once_and_removed_once(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("add-researcher", "Ada", typed=PASSWORD) == 0
    assert command("add-researcher", "Ada", typed=PASSWORD) == 2
    assert 'a researcher "Ada" already' in capsys.readouterr().err
    assert command("remove-researcher", "Bea") == 2
    assert 'no researcher "Bea"; there are: Ada' in capsys.readouterr().err
