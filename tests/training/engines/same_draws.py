"""Runs a module with draws of tokens that do not depend on how many processes draw them.

``python -m tests.training.engines.same_draws -m MODULE ARGUMENTS``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import torch

from tests.training.engines.launcher import run_as_main


def drawing(processes: int, rank: int) -> Callable[..., torch.Tensor]:
    """In place of `torch.multinomial`: the n-th call draws with the n-th numbers, which all rows of a batch share out
    among the processes.
    """
    generator = torch.Generator().manual_seed(1)

    def multinomial(probabilities: torch.Tensor, num_samples: int = 1, **_: object) -> torch.Tensor:
        assert num_samples == 1
        rows = len(probabilities)
        numbers = torch.rand(rows * processes, 1, generator=generator)[rows * rank :][:rows]
        return (probabilities.double().cumsum(dim=1) < numbers).sum(dim=1, keepdim=True)

    return multinomial


if __name__ == "__main__":
    torch.multinomial = drawing(int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"]))
    run_as_main(sys.argv[1:])
