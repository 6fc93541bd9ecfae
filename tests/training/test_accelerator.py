"""The same runs on an accelerator."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.manifests import read_manifest
from pluralign.training import train
from pluralign.training.tuning.log import read_log
from tests.training.examples import study, study_folder
from tests.training.test_methods import MANY, five_points, with_ratings
from tests.training.test_stage import Listener

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _accelerator() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no accelerator")


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_log(folder)]


def test_a_run_has_the_losses_it_has_on_the_processor(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    made = study(tiny, precision="float32")
    there, here = study_folder(tmp_path / "there"), study_folder(tmp_path / "here")
    train(there, made)
    assert read_manifest(there.run("trial", "a", 1)).config["arithmetic"]["device"] == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    train(here, made)
    for condition in ("a", "b"):
        runs = (folder.run("trial", condition, 1) for folder in (there, here))
        first, second = map(losses, runs)
        assert first == pytest.approx(second, abs=1e-3)


def test_a_stopped_run_goes_on_and_ends_where_it_would_have(tiny: Path, tmp_path: Path) -> None:
    made = study(tiny, precision="float32", steps=6)
    whole, stopped = study_folder(tmp_path / "whole"), study_folder(tmp_path / "stopped")
    train(whole, made)
    with pytest.raises(KeyboardInterrupt):
        train(stopped, made, progress=Listener(interrupt_after=4))
    train(stopped, made)
    first, second = (losses(folder.run("trial", "a", 1)) for folder in (whole, stopped))
    assert first == pytest.approx(second, abs=1e-4)


@pytest.mark.parametrize("method", ["grpo", "rloo", "kto", "sft"])
def test_every_method_runs(method: str, tiny: Path, tmp_path: Path) -> None:
    sampled = ", responses_per_prompt: 2" if method in ("grpo", "rloo") else ""
    (result,) = train(with_ratings(tmp_path, MANY), five_points(tiny, training=f"{{method: {method}{sampled}}}"))
    assert result.steps == 4
    assert result.kl >= 0
