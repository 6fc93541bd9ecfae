"""Reads the examples out of a documentation page.

A ``python`` block is a program; a ``console`` block holds commands (lines that begin with ``$ ``), each followed by the
output it is expected to give, if the page shows any. A block after a line ``<!-- not run: reason -->`` is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"(?P<skip><!-- not run: [^\n]+ -->\n)?```(?P<kind>python|console)\n(?P<body>.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """One program or one command of a page; ``output`` is empty where the page shows none."""

    kind: str
    text: str
    line: int
    output: str = ""


def examples(page: str) -> list[Example]:
    """The examples of a page that are to be run, in order."""
    found = []
    for block in _BLOCK.finditer(page):
        if block["skip"]:
            continue
        line = page.count("\n", 0, block.start("body")) + 1
        if block["kind"] == "python":
            found.append(Example("python", block["body"], line))
        else:
            found += _commands(block["body"], line)
    return found


def _commands(body: str, line: int) -> list[Example]:
    found = []
    for chunk in re.split(r"^(?=\$ )", body, flags=re.MULTILINE):
        if chunk.startswith("$ "):
            command, _, output = chunk.partition("\n")
            found.append(Example("console", command[2:], line, output))
        line += chunk.count("\n")
    return found
