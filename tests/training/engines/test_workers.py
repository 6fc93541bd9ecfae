"""Work in several processes: cheap pieces for what engines promise, one small grid for equal results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from pluralign.training import train
from pluralign.training.engines.devices import divided, use_one_accelerator
from pluralign.training.engines.workers import Workers
from pluralign.training.failures import Trouble
from tests.training.engines.pieces import at_times_fatal, outcomes, told
from tests.training.examples import study, study_folder
from tests.training.test_stage import Listener

ROOT = Path(__file__).parents[3]
A = TypeVar("A")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers must find the pieces of work of this file."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_workers_share_threads_do_all_work_and_are_heard(tmp_path: Path) -> None:
    listener = Listener()
    done = outcomes(told, ["a", "b", "c"], tmp_path, 2, listener)
    assert {task: result[0] for task, result in done.items()} == {"a": "a", "b": "b", "c": "c"}
    processes = {result[1] for result in done.values()}
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert sorted(listener.said) == ["at a", "at b", "at c"]
    assert sorted(listener.notes) == ["a", "b", "c"]
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_threads_and_accelerators_are_divided() -> None:
    assert [share.environment for share in divided(3, 8, ["4", "7"])] == [
        {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "4"},
        {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "7"},
        {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "4"},
    ]
    assert divided(4, 2, [])[3].environment == {"OMP_NUM_THREADS": "1"}


def test_a_worker_that_dies_costs_only_its_own_work(tmp_path: Path) -> None:
    done = outcomes(at_times_fatal, ["killed", "ended", "wrong", "well"], tmp_path, 1)
    assert done["well"] == "well"
    assert isinstance(done["killed"], Trouble)
    assert "want of memory" in done["killed"].reason
    assert done["ended"].reason.startswith("The process ended with code 3 (Fatal: the accelerator fell off).")
    assert done["wrong"].kind == "ZeroDivisionError"
    assert "at_times_fatal" in done["wrong"].where


# Whoever starts the tests in the background may have made them deaf to Ctrl-C, which children inherit.
_PARENT = """
import signal
import sys
from pathlib import Path
from tests.training.engines.pieces import everlasting, outcomes
signal.signal(signal.SIGINT, signal.default_int_handler)
outcomes(everlasting, [sys.argv[1]], Path(sys.argv[1]), 1)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_started_them(tmp_path: Path, sent: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        worker = _soon(lambda: next((int(file.name) for file in tmp_path.iterdir()), None))
        parent.send_signal(sent)
        parent.wait()
        assert _soon(lambda: not _alive(worker))
    finally:
        parent.kill()
        parent.wait()


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _soon(question: Callable[[], A | None]) -> A:
    """The answer, as soon as there is one; minutes are for a machine that is very busy."""
    for _ in range(4000):
        if answer := question():
            return answer
        time.sleep(0.05)
    raise AssertionError("not within some minutes")


def test_of_several_accelerators_one_process_uses_one_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")
    assert use_one_accelerator().startswith("Using 1 of 3 accelerators. `pluralign train --jobs 3` does")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    use_one_accelerator()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert use_one_accelerator() == ""


@pytest.mark.slow
def test_a_grid_of_two_workers_gives_the_bytes_of_one_process(tiny: Path, tmp_path: Path) -> None:
    small = study(tiny, steps=2)
    one, two = study_folder(tmp_path / "one"), study_folder(tmp_path / "two")
    train(one, small)
    results = train(two, small, engine=Workers(two, 2))
    assert [str(result.key) for result in results] == ["trial/a/seed-1", "trial/b/seed-1"]
    for run in (path.relative_to(one.runs) for path in one.runs.glob("*/*/*")):
        for name in ("adapter/adapter_model.safetensors", "done.json", "manifest.json"):
            assert (two.runs / run / name).read_bytes() == (one.runs / run / name).read_bytes(), (run, name)
    assert {file.name for file in (one.runs / ".cache").iterdir()} == {
        file.name for file in (two.runs / ".cache").iterdir()
    }
