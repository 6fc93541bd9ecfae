"""A small study on a tiny model, and the command line as a separate process that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line

RATERS = 240


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """A study that has been through every stage; copy it before changing anything in it."""
    root = small_study(tmp_path_factory.mktemp("studies") / "finished", tiny)
    assert call("run", "--study", root) == 0
    return root


def small_study(root: Path, model: Path) -> Path:
    """The gender-values study with one experiment, a tiny model and few steps; prompts, responses, ratings are in."""
    assert call("init", root, "--template", "gender-values") == 0
    study_file = root / "study.yaml"
    study = yaml.safe_load(study_file.read_text(encoding="utf-8"))
    study["training"] |= {"model": str(model), "steps": 6, "seeds": [1, 2], "learning_rate": 1e-3}
    study["evaluation"] |= {"samples": 1, "max_new_tokens": 12}
    study["experiments"] = [one for one in study["experiments"] if one["key"] == "disagreement"]
    study_file.write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert call("corpus", "import", "demo", "--study", root) == 0
    assert call("simulate", "--raters", RATERS, "--study", root) == 0
    return root


def call(*arguments: object) -> int:
    return run_command_line(pluralign, [str(argument) for argument in arguments])


def call_and_kill(arguments: list[str], when: Callable[[], bool], seconds: float = 240) -> None:
    """Start a command as a process of its own and kill it without warning as soon as ``when`` holds."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    program = [sys.executable, "-c", "from pluralign.cli import main; main()", *arguments]
    process = subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + seconds
    while not when():
        if process.poll() is not None:
            _, errors = process.communicate()
            raise AssertionError(f"{arguments} ended with {process.returncode} before it could be killed: {errors}")
        assert time.monotonic() < deadline, f"{arguments} did not get far enough to be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
