"""Which threads and accelerators a process uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several processes gets of this machine, as variables of its environment."""

    place: int
    environment: Mapping[str, str]


def shares(processes: int) -> list[Share]:
    """As many threads for each of ``processes`` as there are to divide, at least one; where there are accelerators, one
    for each, in turn.
    """
    import torch

    return divided(processes, torch.get_num_threads(), accelerators())


def divided(processes: int, threads: int, devices: list[str]) -> list[Share]:
    """The shares of that many threads and of those accelerators."""
    each = {"OMP_NUM_THREADS": str(max(1, threads // processes))}
    return [
        Share(place, {**each, _VISIBLE: devices[place % len(devices)]} if devices else each)
        for place in range(processes)
    ]


def accelerators() -> list[str]:
    """The accelerators that this process may use, named as in ``CUDA_VISIBLE_DEVICES``."""
    import torch

    # Counted without a word to the driver, which would hold on to what it is asked about first.
    number = torch.cuda.device_count()
    named = os.environ.get(_VISIBLE)
    return [str(place) for place in range(number)] if named is None else named.split(",")[:number]


def use_one_accelerator() -> str:
    """Hide all accelerators but the first from this process, and say so; empty where there are not several.

    A process of TRL's refuses to see more than one. To be called before anything asks for an accelerator.
    """
    found = accelerators()
    if len(found) < 2:
        return ""
    os.environ[_VISIBLE] = found[0]
    return (
        f"Using 1 of {len(found)} accelerators. `pluralign train --jobs {len(found)}` does as many runs at once, "
        "`--launch` one run on all of them."
    )
