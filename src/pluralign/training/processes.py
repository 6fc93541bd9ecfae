"""The processes that do one run together, where a launcher has started several."""

from __future__ import annotations


def number() -> int:
    """How many there are."""
    import torch.distributed as together

    return together.get_world_size() if together.is_initialized() else 1


def is_main() -> bool:
    """Whether this is the one that writes."""
    import torch.distributed as together

    return not together.is_initialized() or together.get_rank() == 0


def wait() -> None:
    """Go on when all have come here."""
    import torch.distributed as together

    if together.is_initialized():
        together.barrier()
