"""One run in several processes, with a small launcher; torchrun itself takes longer to start than the run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from pluralign.errors import ConfigError, MismatchError
from pluralign.manifests import read_manifest, write_manifest
from pluralign.training import train
from pluralign.training.launch import Launched, Order, for_processes
from pluralign.training.launched import part
from pluralign.training.log import read_log
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.schedule import planned_runs
from pluralign.training.tuning import PreparedRun
from pluralign.training.work import Tuning
from tests.training.examples import PAIRS_A, study, study_folder
from tests.training.test_stage import Listener

LAUNCHER = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).with_name('launcher.py')))}"


@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(tiny: Path, tmp_path: Path) -> None:
    # A warm-up, whose loss is divided by the tokens of the whole batch, and a loss that sorts the whole batch.
    small = study(tiny, precision="float32", steps=2, batch_size=4, warm_up_steps=2, dpo_loss="aot")
    one, two = (study_folder(tmp_path / name, {"a": PAIRS_A}) for name in ("one", "two"))
    train(one, small, named=["trial/a/seed-1"])
    listener = Listener()
    (result,) = train(two, small, progress=listener, named=["trial/a/seed-1"], engine=Launched(two, LAUNCHER))
    first, second = (
        load_file(folder.run("trial", "a", 1) / "adapter/adapter_model.safetensors") for folder in (one, two)
    )
    assert max(np.abs(first[name] - second[name]).max() for name in first) < 1e-5
    assert max(np.abs(first[name]).max() for name in first) > 0.01
    logs = [read_log(folder.run("trial", "a", 1)) for folder in (one, two)]
    assert [(line["step"], line["method"]) for line in logs[1]] == [(1, "sft"), (2, "sft"), (3, "dpo"), (4, "dpo")]
    for name in ("loss", "grad_norm"):
        assert [line[name] for line in logs[1]] == pytest.approx([line[name] for line in logs[0]], rel=1e-5), name
    assert listener.said == ["Each run is done by 2 processes."]
    assert listener.steps == 4
    assert read_manifest(result.folder).config["processes"] == 2
    assert {file.name for file in result.folder.iterdir()} == {"adapter", "done.json", "log.jsonl", "manifest.json"}
    assert not (two.runs / ".launch").exists()


def planned(tiny: Path, folder: Path) -> PlannedRun:
    return planned_runs(study_folder(folder), study(tiny), named=["trial/a/seed-1"])[0][0]


def test_a_batch_that_cannot_be_divided_is_refused(tiny: Path, tmp_path: Path) -> None:
    run = planned(tiny, tmp_path)
    with pytest.raises(
        ConfigError, match=r"condition a: training\.batch_size of 2 cannot be divided among 3 processes"
    ):
        for_processes([run], 3)
    (two,) = for_processes([run], 2)
    assert two.manifest.config["processes"] == 2
    assert for_processes([run], 1) == [run]


def test_a_run_is_not_gone_on_with_by_another_number_of_processes(tiny: Path, tmp_path: Path) -> None:
    run = planned(tiny, tmp_path)
    (two,) = for_processes([run], 2)
    run.folder.mkdir(parents=True)
    write_manifest(run.folder, two.manifest)
    assert for_processes([run], 2) == [two]
    with pytest.raises(MismatchError, match="begun by 2 processes, which cannot be gone on with by 1"):
        for_processes([run], 1)
    (run.folder / "done.json").write_text("{}")
    assert for_processes([run], 1) == [run]


def test_a_launcher_that_starts_nothing_is_told_before_anything_is_done(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"--launch nosuch: it could not be started .*Name a launcher"):
        train(folder, study(tiny), engine=Launched(folder, "nosuch"))
    fails = """sh -c 'echo "Error: no port is free" >&2; exit 5'"""
    with pytest.raises(ConfigError, match=r"the launcher ended with code 5 \(Error: no port is free\)\. Try it"):
        train(folder, study(tiny), engine=Launched(folder, fails))
    assert list(folder.runs.iterdir()) == []


def test_a_model_that_the_launcher_divides_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(tiny, tmp_path)
    folder = study_folder(tmp_path)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match=r"FSDP or DeepSpeed\), which is not supported"):
        part(Order(folder, Tuning(PreparedRun(run, [], [], 0), None), 2), Materials(folder), Listener())


def test_launched_processes_end_when_nobody_waits_for_them() -> None:
    code = "import time; from pluralign.training.launched import end_with_the_parent; end_with_the_parent()"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}; print(1, flush=True); time.sleep(300)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdin.close()
    assert process.wait(200) == 1
    process.stdout.close()
