"""The documentation says what the code does: its examples run, its links lead somewhere, its reference is current."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from tests.docs.examples import Example, examples

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
WITH_EXAMPLES = [page for page in PAGES if examples(page.read_text(encoding="utf-8"))]
_LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_the_examples_of_a_page_run_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in examples(page.read_text(encoding="utf-8")):
        where = f"{name(page)}, line {example.line}"
        if example.kind == "python":
            exec(compile(example.text, where, "exec"), names)
        else:
            run(example, where, capsys)


def run(example: Example, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run one command of a page and compare what it prints with what the page shows."""
    arguments = shlex.split(example.text)
    assert arguments[0] == "pluralign", f"{where}: only pluralign's own commands are run, not {arguments[0]}"
    capsys.readouterr()
    code = run_command_line(pluralign, arguments[1:])
    printed = capsys.readouterr()
    assert code == 0, f"{where}: {example.text} ended with {code}: {printed.err}"
    if example.output.strip():
        got = printed.out
        assert doctest.OutputChecker().check_output(example.output, got, _LOOSELY), (
            f"{where}: {example.text} printed\n{got}\nbut the page shows\n{example.output}"
        )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{name(page)} links to {target}, which is not there"


def test_the_generated_reference_is_current() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for page, content in generate.pages().items():
        assert page.read_text(encoding="utf-8") == content, f"{page.name} is out of date: run python docs/generate.py"


def commands(group: click.Group) -> list[click.Command]:
    found: list[click.Command] = []
    for command in group.commands.values():
        found += [command, *commands(command)] if isinstance(command, click.Group) else [command]
    return found


def test_every_command_and_every_option_explains_itself() -> None:
    for command in commands(pluralign):
        assert command.help, command.name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{command.name} {parameter.opts}"


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        target = page.relative_to(ROOT / "docs").as_posix()
        assert target == "index.md" or f"({target})" in index, f"docs/index.md does not lead to {target}"


def test_examples_are_read_as_written() -> None:
    page = (
        "x\n```python\na = 1\n```\n"
        "```console\n$ pluralign one\nshown\n$ pluralign two\n```\n"
        "<!-- not run: slow -->\n```console\n$ no\n```\n"
    )
    assert examples(page) == [
        Example("python", "a = 1\n", 3),
        Example("console", "pluralign one", 6, "shown\n"),
        Example("console", "pluralign two", 8),
    ]
