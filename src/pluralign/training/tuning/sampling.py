"""TRL's trainers that sample responses and learn from their rewards: GRPO and RLOO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_config import RLOOConfig
from trl.trainer.rloo_trainer import RLOOTrainer

from pluralign.training.rewards.features import hidden_states
from pluralign.training.rewards.models import RewardModel
from pluralign.training.tokens import Tokeniser, Tokens
from pluralign.training.tuning.quiet import Quiet

Message = dict[str, str]


class GroupTrainer(Quiet, GRPOTrainer):
    """Group relative policy optimisation (Shao et al., 2024, arXiv:2402.03300)."""


class LeaveOneOutTrainer(Quiet, RLOOTrainer):
    """REINFORCE with the other responses as baseline (Ahmadian et al., 2024, arXiv:2402.14740)."""


def sampling_trainer(
    made: Mapping[str, Any],
    common: Mapping[str, Any],
    place: Path,
    rewards: Sequence[Callable[..., list[float]]],
    weights: Sequence[float],
    **others: Any,
) -> Any:
    """The trainer of ``made["method"]``. ``common`` are the arguments of all of TRL's trainers; each of ``rewards``
    counts by its weight. One batch is sampled for every step, so that checkpoints always lie between batches.
    """
    arguments = {name: value for name, value in common.items() if name != "train_sampling_strategy"}
    arguments |= {
        "output_dir": str(place),
        "beta": made["kl_beta"],
        "num_generations": made["responses_per_prompt"],
        "max_completion_length": made["response_tokens"],
        "reward_weights": list(weights),
        "steps_per_generation": 1,
        "num_iterations": 1,
        "temperature": 1.0,
        "disable_dropout": True,
        "shuffle_dataset": False,
    }
    functions: list[Any] = list(rewards)
    if made["method"] == "rloo":
        return LeaveOneOutTrainer(args=RLOOConfig(**arguments), reward_funcs=functions, **others)
    arguments["scale_rewards"] = made["reward_scaling"]
    return GroupTrainer(args=GRPOConfig(**arguments), reward_funcs=functions, **others)


def rewards_of(model: RewardModel, policy: Callable[[], Any], tokeniser: Tokeniser) -> list[Callable[..., list[float]]]:
    """A function for each dimension from what TRL sampled to rewards, in log odds of a more desirable rating.

    ``policy`` gives the model that is tuned, whose adapter is switched off while it is read for the reward.
    """

    # One batch is read once for all dimensions.
    @lru_cache(maxsize=1)
    def states(answers: tuple[tuple[Tokens, Tokens], ...]) -> NDArray[np.float64]:
        return hidden_states(policy(), answers)

    def of(dimension: str) -> Callable[..., list[float]]:
        def reward(prompts: list[list[Message]], completions: list[list[Message]], **_: Any) -> list[float]:
            # Blanks around a response are no part of what raters saw, and would melt into the template's own.
            answers = tuple(
                tokeniser.answered(list(prompt), completion[-1]["content"].strip())
                for prompt, completion in zip(prompts, completions, strict=True)
            )
            return [float(value) for value in model.reward(dimension, states(answers))]

        reward.__name__ = dimension
        return reward

    return [of(dimension) for dimension in model.heads]
