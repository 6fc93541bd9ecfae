"""From the settings of a run to its loss, and to what the log says of each batch beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pluralign.training.tuning.loss import Scored, dpo_loss, kto_loss, sft_loss

if TYPE_CHECKING:
    from torch import Tensor

    from pluralign.training.tuning.trainer import Objective


def objective(made: Mapping[str, Any], method: str) -> Objective:
    """The loss of ``method`` (dpo, kto or sft) under settings ``made`` by ``settings``.

    The log says for dpo: ``margin``, ``reward_chosen``, ``reward_rejected``, the implicit rewards, and ``agreement``,
    of the rows that lean one way the share that the model orders alike. For kto: ``reward_good`` and ``reward_bad``,
    the implicit rewards of responses whose ratings are mostly good or mostly bad. For sft: ``log_prob``, of the better
    responses, per token.
    """
    losses = {"dpo": _dpo, "kto": _kto, "sft": _sft}
    return losses[method](made)


def _dpo(made: Mapping[str, Any]) -> Objective:
    # The loss that reads no beta is told of as if it were 1: rewards are then log-probability ratios.
    name, beta, smoothing = made["dpo_loss"], made.get("dpo_beta", 1.0), made.get("label_smoothing", 0.0)

    def loss(scored: Scored, p: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        first, second = beta * scored.first_ratio, beta * scored.second_ratio
        lean = p != 0.5
        notes = {
            "margin": first - second,
            "reward_chosen": first,
            "reward_rejected": second,
            "agreement": ((first > second) == (p > 0.5))[lean],
        }
        return dpo_loss(name, scored, p, weight, beta, smoothing), notes

    return loss


def _kto(made: Mapping[str, Any]) -> Objective:
    beta = made["dpo_beta"]

    def loss(scored: Scored, p: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        reward = beta * scored.first_ratio
        notes = {"reward_good": reward[p > 0.5], "reward_bad": reward[p < 0.5]}
        return kto_loss(scored, p, weight, beta), notes

    return loss


def _sft(_: Mapping[str, Any]) -> Objective:
    def loss(scored: Scored, p: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        per_token = scored.first / scored.first_tokens
        return sft_loss(scored, p, weight), {"log_prob": per_token}

    return loss
