"""How a run is done, beyond what the study file says; all of it is part of the run's manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pluralign.study import Training
from pluralign.study.training import stated
from pluralign.training.tuning.checkpoints import interval

# The adapter is scaled by lora_alpha / lora_rank: a learning rate keeps its meaning when the rank is changed.
_ALPHA_PER_RANK = 2
_WARMUP = 0.1
_MAX_GRADIENT_NORM = 1.0
# Tokens of a batch above which activations are computed twice rather than kept. For SmolLM2, keeping 1536 tokens takes
# 4.0 GB in all; computing them twice takes 1.9 GB and a third more time (two cores, bfloat16).
_TOKENS_IN_MEMORY = 1536


def settings(training: Training) -> dict[str, Any]:
    """Everything that decides how the weights move, given data, base model, arithmetic and seed."""
    return {
        **stated(training),
        "lora_alpha": _ALPHA_PER_RANK * training.lora_rank,
        "lora_targets": "all-linear",
        "optimiser": "adamw",
        "schedule": "linear",
        "warmup": _WARMUP,
        "max_gradient_norm": _MAX_GRADIENT_NORM,
    }


def trainer_arguments(
    made: Mapping[str, Any], arithmetic: Mapping[str, str], *, seed: int, steps: int, batch: int, tokens: int
) -> dict[str, Any]:
    """What all of TRL's trainers are told, for settings ``made`` by ``settings``; a step takes ``batch`` rows, which
    have ``tokens`` tokens at most as they are laid out.
    """
    return {
        "max_steps": steps,
        "per_device_train_batch_size": batch,
        "learning_rate": made["learning_rate"],
        "lr_scheduler_type": made["schedule"],
        # The first step of a warm-up has a learning rate of 0, which a single step cannot spare.
        "warmup_steps": made["warmup"] if steps > 1 else 0,
        "max_grad_norm": made["max_gradient_norm"],
        "seed": seed,
        "data_seed": seed,
        "use_cpu": arithmetic["device"] == "cpu",
        # The adapter's weights stay in float32, multiplications are done in bfloat16.
        "bf16": arithmetic["dtype"] == "bfloat16",
        "activation_checkpointing": tokens > _TOKENS_IN_MEMORY,
        # Rows come in the order decided here, with columns that TRL does not know.
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_steps": interval(steps),
        "report_to": "none",
        "disable_tqdm": True,
    }
