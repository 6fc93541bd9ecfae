"""Options that all commands share, and how a study is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pluralign.folder import StudyFolder

if TYPE_CHECKING:
    from pluralign.study import Study

F = TypeVar("F", bound=Callable[..., Any])


def study_option(function: F) -> F:
    """``--study DIR``: the study folder, the present one by default."""
    return click.option(
        "--study",
        "root",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(),
        show_default="the present folder",
        metavar="DIR",
        help="The study folder.",
    )(function)


def json_option(function: F) -> F:
    """``--json``: results for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Print results as JSON.")(function)


def debug_option(function: F) -> F:
    """``--debug``: read by the outermost frame (see failures), declared so that help shows it."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show where an error came from.")(function)


def experiment_option(function: F) -> F:
    """``--experiment KEY``: only these experiments."""
    return click.option(
        "--experiment", "only", multiple=True, metavar="KEY", help="Only this experiment; may be repeated."
    )(function)


def open_study(root: Path) -> tuple[StudyFolder, Study]:
    """The folder and the checked study file in it; ConfigError where either is wrong."""
    from pluralign.study import load

    folder = StudyFolder(root)
    return folder, load(folder.study_file)
