"""The grid as an array job, with a program in place of sbatch that does what Slurm would."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from pluralign.errors import ConfigError, PluralignError
from pluralign.folder import StudyFolder
from pluralign.training.engines.slurm import submit
from pluralign.training.results import write_done
from tests.training.examples import study, study_folder
from tests.training.test_methods import MANY, with_ratings
from tests.training.test_search import searching


def sbatch(folder: Path, body: str) -> str:
    program = folder / "sbatch"
    program.write_text(f"#!/bin/bash\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return str(program)


def test_every_unfinished_run_is_a_task_of_one_array(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path / "a study")
    program = sbatch(tmp_path, f'printf "%s\\n" "$@" > {tmp_path}/arguments; echo "77;cluster"')
    submitted = submit(folder, study(tiny, seeds=(1, 2)), options="--gres=gpu:1 --time=1:00:00", program=program)
    assert submitted is not None
    assert (submitted.job, submitted.runs) == ("77", 4)
    said = (tmp_path / "arguments").read_text().splitlines()
    assert said == ["--parsable", "--array=0-3", "--gres=gpu:1", "--time=1:00:00", str(submitted.script)]
    assert submitted.script.is_relative_to(folder.runs)


def test_a_task_does_its_run_by_the_command_that_people_use(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path / "a study")
    submitted = submit(folder, study(tiny), program=sbatch(tmp_path, "echo 1"), launcher="torchrun --nproc_per_node 2")
    assert submitted is not None
    script = submitted.script.read_text()
    shown = script.replace("exec ", "printf '%s\\n' ")
    answer = subprocess.run(
        ["bash", "-c", shown], env=os.environ | {"SLURM_ARRAY_TASK_ID": "1"}, capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines()[-6:] == [
        "--study",
        str(folder.root),
        "--run",
        "trial/b/seed-1",
        "--launch",
        "torchrun --nproc_per_node 2",
    ]


def test_nothing_is_submitted_without_slurm_or_where_it_refuses(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"nothing was submitted.*submit .*train\.sh yourself with --array=0-1"):
        submit(folder, study(tiny), program=str(tmp_path / "absent"))
    refuses = sbatch(tmp_path, "echo 'invalid partition specified: gpu' >&2; exit 1")
    with pytest.raises(PluralignError, match=r"refused .*invalid partition specified: gpu\. Change --slurm-options"):
        submit(folder, study(tiny), program=refuses)


def test_finished_runs_are_no_tasks(tiny: Path, tmp_path: Path) -> None:
    from pluralign.manifests import write_manifest
    from pluralign.training.schedule import planned_runs

    folder: StudyFolder = study_folder(tmp_path)
    for run in planned_runs(folder, study(tiny))[0]:
        (run.folder / "adapter").mkdir(parents=True)
        (run.folder / "adapter/adapter_model.safetensors").write_bytes(b"weights")
        (run.folder / "adapter/adapter_config.json").write_text("{}")
        write_manifest(run.folder, run.manifest)
        write_done(run.folder, steps=4, tokens=9, first_loss=1, last_loss=0, kl={})
    assert submit(folder, study(tiny), program=str(tmp_path / "absent")) is None


def test_models_whose_settings_are_open_wait_for_the_tries(tiny: Path, tmp_path: Path) -> None:
    folder, script = with_ratings(tmp_path, MANY), sbatch(tmp_path, "echo 7")
    submitted = submit(folder, searching(tiny), program=script)
    assert submitted is not None
    assert (submitted.runs, submitted.waiting) == (3, 1)
    assert "trial/a/try-3/seed-7" in submitted.script.read_text()
    assert "trial/a/seed-1" not in submitted.script.read_text()
