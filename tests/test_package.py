"""The package opens quickly and shows what it says it shows."""

from __future__ import annotations

import subprocess
import sys

import pluralign

HEAVY = ("torch", "transformers", "trl", "starlette", "fastapi", "pandas", "scipy", "matplotlib")


def loaded_by(statement: str) -> set[str]:
    program = f"{statement}; import sys; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return {name.split(".")[0] for name in output.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import pluralign") & set(HEAVY)


def test_the_command_line_loads_nothing_heavy_until_a_command_runs() -> None:
    assert not loaded_by("import pluralign.cli") & set(HEAVY)


def test_statistics_feedback_and_preferences_load_no_torch() -> None:
    loaded = loaded_by("import pluralign.stats.analysis, pluralign.feedback, pluralign.preferences, pluralign.report")
    assert not loaded & {"torch", "transformers", "trl", "starlette", "fastapi"}


def test_every_public_name_can_be_had() -> None:
    for name in pluralign.__all__:
        assert getattr(pluralign, name) is not None
