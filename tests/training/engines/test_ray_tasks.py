"""Work as tasks of a real Ray on this machine."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from pluralign.errors import ConfigError, MissingExtraError
from pluralign.folder import StudyFolder
from pluralign.training import train
from pluralign.training.engines import ray_tasks
from pluralign.training.engines.ray_tasks import RayTasks
from pluralign.training.failures import Trouble
from pluralign.training.materials import Materials
from tests.training.engines.pieces import at_times_fatal, told
from tests.training.examples import study, study_folder
from tests.training.test_stage import Listener

ROOT = Path(__file__).parents[3]
# What Ray says about its own future, and leaves behind.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in ("FutureWarning", "DeprecationWarning", "ResourceWarning", "pytest.PytestUnraisableExceptionWarning")
]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray that can be started here, and finds the tests; the test is skipped where there is none."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'pluralign[ray]'")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    # Else all tasks get as many threads; without, as many as they have processors.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    yield
    # What Ray leaves behind is complained of when it is collected: here, where that is ignored, not in another test.
    gc.collect()


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_a_grid_gives_the_bytes_of_one_process(tiny: Path, tmp_path: Path) -> None:
    small = study(tiny, steps=2, seeds=[1, 2])
    here, there = (study_folder(tmp_path / name) for name in ("here", "there"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(here, small)
    finally:
        torch.set_num_threads(before)
    listener = Listener()
    results = train(there, small, progress=listener, engine=RayTasks(there, cpus=1))
    assert [str(result.key) for result in results] == [
        f"trial/{condition}/seed-{seed}" for condition in "ab" for seed in (1, 2)
    ]
    for result in results:
        one, other = (
            folder.run("trial", result.key.condition, result.key.seed) / "adapter/adapter_model.safetensors"
            for folder in (here, there)
        )
        assert one.read_bytes() == other.read_bytes()
    assert listener.started == [("Scoring responses with the base model", 8), ("Tuning 4 models", 8)]
    assert listener.steps == 8


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_tasks_are_done_and_heard_and_one_that_dies_costs_only_itself(tmp_path: Path) -> None:
    folder, listener = StudyFolder(tmp_path), Listener()
    materials = Materials(folder)
    engine = RayTasks(folder, cpus=1)
    engine.begin(listener)
    try:
        done: dict[str, Any] = dict(engine.each(told, ["a", "b"], materials, listener))
        fatal: dict[str, Any] = dict(engine.each(at_times_fatal, ["killed", "wrong", "well"], materials, listener))
    finally:
        engine.close()
    assert {task: result[0] for task, result in done.items()} == {"a": "a", "b": "b"}
    assert os.getpid() not in {result[1] for result in done.values()}
    assert listener.said[0].startswith("Ray has room for ")
    assert {"at a", "at b"} <= set(listener.said)
    assert fatal["well"] == "well"
    assert isinstance(fatal["killed"], Trouble)
    assert fatal["killed"].reason.startswith("Ray's process ended (")
    assert fatal["wrong"].kind == "ZeroDivisionError"


class FakeRay:
    """Says what a cluster has."""

    def __init__(self) -> None:
        self.ended = False

    def init(self, address: str | None, **_: Any) -> None:
        if address == "nowhere:1":
            raise ConnectionError("no cluster answers\nand more")

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def shutdown(self) -> None:
        self.ended = True


def test_more_than_the_cluster_has_is_refused_instead_of_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = FakeRay()
    monkeypatch.setattr(ray_tasks, "_library", lambda: ray)
    with pytest.raises(ConfigError, match="--gpus-per-run is 2, but Ray has only 0 in all"):
        RayTasks(StudyFolder(tmp_path), gpus=2).begin(Listener())
    assert ray.ended
    with pytest.raises(ConfigError, match="--cpus-per-run is 5, but Ray has only 4 in all"):
        RayTasks(StudyFolder(tmp_path), cpus=5).begin(Listener())
    with pytest.raises(ConfigError, match=r"Could not use the cluster at nowhere:1: no cluster answers\. Look"):
        RayTasks(StudyFolder(tmp_path), "nowhere:1").begin(Listener())


def test_a_missing_ray_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name=name)

    monkeypatch.setattr(ray_tasks, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"--engine ray needs the extra `ray`: pip install 'pluralign\[ray\]'"):
        RayTasks(StudyFolder(tmp_path)).begin(Listener())
