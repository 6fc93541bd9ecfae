"""The grid as an array job of Slurm: one task a run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pluralign.errors import ConfigError, PluralignError
from pluralign.folder import StudyFolder
from pluralign.storage import atomic_write
from pluralign.study import Study
from pluralign.training.changes import refuse_changed
from pluralign.training.schedule import planned_runs
from pluralign.training.search import UndecidedError, is_open

_FOLDER = ".slurm"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job array that Slurm has accepted: its number, the script, how many runs it does, and how many more are waiting
    for the settings that are tried by it.
    """

    job: str
    script: Path
    runs: int
    waiting: int


def submit(
    folder: StudyFolder,
    study: Study,
    only: Sequence[str] | None = None,
    options: str = "",
    program: str = "sbatch",
    launcher: str = "",
) -> Submitted | None:
    """Write and submit an array job for every run that is not finished; None where there is none.

    The script lies in ``runs/.slurm``. ``options`` are further ones for sbatch, such as ``--gres=gpu:1``;
    each task does its run under ``launcher``, where one is given.
    Raises MismatchError as `train` does, ConfigError where there is no Slurm here, PluralignError where it refuses.
    """
    runs, impossible = planned_runs(folder, study, only)
    refuse_changed(runs)
    keys = [str(run.key) for run in runs if is_open(run)]
    waiting = sum(isinstance(error, UndecidedError) for _, error in impossible)
    if not keys:
        return None
    script = folder.runs.resolve() / _FOLDER / "train.sh"
    atomic_write(script, _script(folder, keys, launcher))
    command = [program, "--parsable", f"--array=0-{len(keys) - 1}", *shlex.split(options), str(script)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{program} is not there, so nothing was submitted. Call the command on a machine from which Slurm jobs "
            f"are submitted, or submit {script} yourself with --array=0-{len(keys) - 1}."
        ) from error
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PluralignError(f"{program} refused {script}: {said}. Change --slurm-options and try again.")
    return Submitted(answer.stdout.strip().split(";")[0], script, len(keys), waiting)


def _script(folder: StudyFolder, keys: Sequence[str], launcher: str) -> str:
    """Every task does one run by the same command that a person would use."""
    listed = "\n".join(f"  {shlex.quote(key)}" for key in keys)
    python, root = shlex.quote(sys.executable), shlex.quote(str(folder.root.resolve()))
    log = shlex.quote(str(folder.runs.resolve() / _FOLDER / "%A-%a.log"))
    launched = f" --launch {shlex.quote(launcher)}" if launcher else ""
    run = f'"${{runs[$SLURM_ARRAY_TASK_ID]}}"{launched}'
    return f"""#!/bin/bash
#SBATCH --job-name=pluralign
#SBATCH --output={log}
runs=(
{listed}
)
exec {python} -c 'from pluralign.cli import main; main()' train --study {root} --run {run}
"""
