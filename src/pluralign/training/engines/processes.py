"""The processes that do one run together, where a launcher has started several."""

from __future__ import annotations

from typing import Any


def number() -> int:
    """How many there are."""
    import torch.distributed as together

    return together.get_world_size() if together.is_initialized() else 1


def rank() -> int:
    """Which one this is, from 0 on."""
    import torch.distributed as together

    return together.get_rank() if together.is_initialized() else 0


def is_main() -> bool:
    """Whether this is the one that writes."""
    return rank() == 0


def wait() -> None:
    """Go on when all have come here."""
    import torch.distributed as together

    if together.is_initialized():
        together.barrier()


def reads(model: Any) -> bool:
    """Whether this process takes part in reading ``model``: all do where each holds only a part of it."""
    return is_main() or bool(getattr(model, "is_distributed_loading_by_transformers", False))


def part_ways() -> None:
    """End the connections of this process with the others."""
    import torch.distributed as together

    if together.is_initialized():
        together.destroy_process_group()
