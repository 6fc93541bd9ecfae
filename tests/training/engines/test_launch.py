"""One run in several processes, with a small launcher; torchrun itself takes longer to start than the run."""

from __future__ import annotations

import json
import pickle
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pluralign.errors import ConfigError, MismatchError
from pluralign.folder import StudyFolder
from pluralign.manifests import read_manifest, write_manifest
from pluralign.study import Study
from pluralign.training import train
from pluralign.training.engines import launch
from pluralign.training.engines.launch import Launched, for_processes
from pluralign.training.failures import Trouble, trouble_of
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.schedule import planned_runs
from pluralign.training.tuning.log import read_log
from pluralign.training.tuning.run import PreparedRun
from pluralign.training.work import Tuning, tune_run
from tests.training.engines.same_draws import drawing
from tests.training.examples import PAIRS_A, study, study_folder
from tests.training.test_methods import MANY, five_points, with_ratings
from tests.training.test_stage import Listener

LAUNCHER = Path(__file__).with_name("launcher.py")
DIVIDED = "env ACCELERATE_USE_FSDP=true FSDP_VERSION=2"
RUN = ["trial/a/seed-1"]


@pytest.fixture(scope="module")
def launcher() -> Iterator[str]:
    """A command that starts two processes of a module at once."""
    # A socket's path may have no more than about 100 letters.
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, str(LAUNCHER), f"{place}/door"]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield shlex.join(command)
        server.stdin.close()
        server.stdout.close()
        assert server.wait(60) == 0


def adapter(folder: StudyFolder) -> dict[str, Any]:
    return load_file(folder.run("trial", "a", 1) / "adapter/adapter_model.safetensors")


def largest_difference(first: StudyFolder, second: StudyFolder) -> float:
    one, two = adapter(first), adapter(second)
    assert max(np.abs(one[name]).max() for name in one) > 0.01
    return float(max(np.abs(one[name] - two[name]).max() for name in one))


class Done(NamedTuple):
    """A run done by this process and by two launched ones."""

    study: Study
    launch: str
    one: StudyFolder
    two: StudyFolder
    heard: Listener

    @property
    def divided(self) -> bool:
        return DIVIDED in self.launch


@pytest.fixture(scope="module", params=["", DIVIDED], ids=["whole", "divided"])
def done(request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory, launcher: str) -> Done:
    # A warm-up, whose loss is divided by the tokens of the whole batch, and a loss that sorts the whole batch.
    small = study(tiny, precision="float32", steps=2, batch_size=4, warm_up_steps=2, dpo_loss="aot")
    one, two = (study_folder(tmp_path_factory.mktemp(name), {"a": PAIRS_A}) for name in ("one", "two"))
    made = Done(small, f"{request.param} {launcher}", one, two, Listener())
    train(one, small, named=RUN)
    train(two, small, progress=made.heard, named=RUN, engine=Launched(two, made.launch))
    return made


@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(done: Done) -> None:
    assert largest_difference(done.one, done.two) < 1e-5
    folders = [folder.run("trial", "a", 1) for folder in (done.one, done.two)]
    logs = [read_log(folder) for folder in folders]
    assert [(line["step"], line["method"]) for line in logs[1]] == [(1, "sft"), (2, "sft"), (3, "dpo"), (4, "dpo")]
    for name in ("loss", "grad_norm"):
        assert [line[name] for line in logs[1]] == pytest.approx([line[name] for line in logs[0]], rel=1e-5), name
    # How far the model moved, too, which all processes must read where each has a part of it.
    moved = [json.loads((folder / "done.json").read_text())["kl"] for folder in folders]
    assert moved[1] == pytest.approx(moved[0], rel=1e-3)
    divide = ", which divide the model among themselves" if done.divided else ""
    assert done.heard.said == [f"Each run is done by 2 processes{divide}."]
    assert done.heard.started == [("Scoring responses with the base model", 8), ("Tuning 1 model", 4)]
    assert done.heard.steps == 4
    config = read_manifest(folders[1]).config
    assert (config["processes"], config.get("model")) == (2, "divided" if done.divided else None)
    assert {file.name for file in folders[1].iterdir()} == {"adapter", "done.json", "log.jsonl", "manifest.json"}
    assert not (done.two.runs / ".launch").exists()


@pytest.mark.slow
def test_a_killed_run_of_two_processes_ends_as_if_it_had_not_been(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Looked at often enough to be killed soon after the second of four steps.
    monkeypatch.setattr(launch, "_LOOKS", 0.01)
    killed, stopped = study_folder(tmp_path, {"a": PAIRS_A}), Listener(interrupt_after=2)
    with pytest.raises(KeyboardInterrupt):
        train(killed, done.study, named=RUN, progress=stopped, engine=Launched(killed, done.launch))
    run = killed.run("trial", "a", 1)
    assert list(run.glob("warm-up/checkpoint-*/complete"))
    assert not (run / "adapter").exists()
    train(killed, done.study, named=RUN, engine=Launched(killed, done.launch))
    assert largest_difference(done.two, killed) == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_two_processes_share_a_batch_of_prompts_and_reward_a_group_of_responses_together(
    tiny: Path, tmp_path: Path, launcher: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    # All four responses of a step answer one prompt: each process samples two of them.
    parsed = five_points(tiny, training=f"{{method: {method}, response_tokens: 6, responses_per_prompt: 4}}")
    changes = {"steps": 2, "precision": "float32"}
    small = parsed.model_copy(update={"training": parsed.training.model_copy(update=changes)})
    one, two = (with_ratings(tmp_path / name, MANY) for name in ("one", "two"))
    with monkeypatch.context() as patched:
        patched.setattr(torch, "multinomial", drawing(1, 0))
        train(one, small, named=RUN)
    train(two, small, named=RUN, engine=Launched(two, f"{launcher} -m tests.training.engines.same_draws"))
    logs = [read_log(folder.run("trial", "a", 1)) for folder in (one, two)]
    for name in ("reward", "reward_std", "kl", "num_tokens", "grad_norm"):
        assert [line[name] for line in logs[1]] == pytest.approx([line[name] for line in logs[0]], rel=1e-4), name
    assert logs[0][0]["reward_std"] > 0.01
    assert largest_difference(one, two) < 1e-4


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


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("ACCELERATE_USE_DEEPSPEED=true", r"DeepSpeed is not supported\. To divide a model use FSDP, version 2\."),
        ("ACCELERATE_USE_FSDP=true", r"only version 2 of FSDP is supported\. Launch with --fsdp_version 2"),
        (f"{DIVIDED[4:]} FSDP_OFFLOAD_PARAMS=true", "FSDP cannot keep parameters in main memory"),
    ],
)
def test_what_a_launcher_may_not_do_with_a_model_is_told_before_anything_is_done(
    tiny: Path, tmp_path: Path, launcher: str, asked: str, told: str
) -> None:
    folder = study_folder(tmp_path)
    with pytest.raises(ConfigError, match=told):
        train(folder, study(tiny), engine=Launched(folder, f"env {asked} {launcher}"))
    assert list(folder.runs.iterdir()) == []


def test_a_model_in_parts_is_not_sampled_from_and_a_run_in_parts_not_gone_on_with_by_whole_ones(
    tiny: Path, tmp_path: Path
) -> None:
    run = planned(tiny, tmp_path)
    sampling = replace(run, training=run.training.model_copy(update={"method": "grpo"}))
    with pytest.raises(ConfigError, match=r"condition a: training\.method grpo samples .* Choose dpo, kto or sft"):
        for_processes([sampling], 2, divides=True)
    (parts,) = for_processes([run], 2, divides=True)
    run.folder.mkdir(parents=True)
    write_manifest(run.folder, parts.manifest)
    with pytest.raises(MismatchError, match=r"begun by 2 processes with a part of the model each, .* by 2 processes"):
        for_processes([run], 2)


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (RuntimeError("out of memory"), False),
        (RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:1: Connection reset by peer"), True),
    ],
)
def test_checkpoints_are_kept_unless_the_process_in_trouble_would_only_end_in_the_same(
    tiny: Path, tmp_path: Path, error: Exception, kept: bool
) -> None:
    run = planned(tiny, tmp_path)
    (run.folder / "checkpoints").mkdir(parents=True)
    write_manifest(run.folder, run.manifest)
    (tmp_path / "answer").write_bytes(pickle.dumps(trouble_of(error)))
    # A launcher one of whose processes has answered that it is in trouble.
    script = f"""sh -c 'for place; do :; done; cp {shlex.quote(str(tmp_path / "answer"))} "$place"; exit 1' -"""
    engine = Launched(StudyFolder(tmp_path), script)
    task = Tuning(PreparedRun(run, [], [], 0), None)
    ((_, found),) = engine.each(tune_run, [task], Materials(StudyFolder(tmp_path)), Listener())
    assert isinstance(found, Trouble)
    assert found.reason.startswith("Another process of this run has ended" if kept else "Out of memory.")
    assert (run.folder / "manifest.json").exists() == kept
    assert (run.folder / "checkpoints").exists() == kept


def test_launched_processes_end_when_nobody_waits_for_them() -> None:
    code = "import time; from pluralign.training.engines.launched import end_with_the_parent; end_with_the_parent()"
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
