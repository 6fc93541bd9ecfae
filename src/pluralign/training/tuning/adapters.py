"""Adapters on disk."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from pluralign.errors import ConvergenceError
from pluralign.storage import write_json
from pluralign.training.plans import PlannedRun
from pluralign.training.results import WEIGHTS


def put_weights(model: Any, adapter: Path) -> None:
    """Give the model's adapter the weights of the one that is stored in ``adapter``."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(adapter / WEIGHTS))


def weights(model: Any) -> dict[str, Any]:
    """What is tuned of the model by name: the adapter, which every process has whole even where the model is divided.

    Given to what saves an adapter, which else gathers all of the model's parts first.
    """
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def save_adapter(model: Any, plan: PlannedRun, place: Path) -> None:
    """Write the adapter beside its place and rename it; equal weights give equal files on any machine."""
    import torch

    tuned = weights(model)
    for name, parameter in tuned.items():
        if not bool(torch.isfinite(parameter).all()):
            raise ConvergenceError(f"weights of {name} are not numbers after the last step")
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        model.save_pretrained(str(beside), state_dict=tuned, save_embedding_layers=False)
        (beside / "README.md").unlink(missing_ok=True)
        _make_portable(beside / "adapter_config.json", plan)
        shutil.rmtree(place, ignore_errors=True)
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _make_portable(file: Path, plan: PlannedRun) -> None:
    """Take this machine's paths and the accidental order of sets out of an adapter's configuration."""
    config = json.loads(file.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = plan.training.model if plan.training.model == "smollm2" else plan.model.name
    config["target_modules"] = sorted(config["target_modules"])
    write_json(config, file)
