"""The loss of direct preference optimisation for pairs on which people disagree."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid


def soft_label_loss(margin: Tensor, p: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy between the stated and the modelled probability that chosen is better; all shapes (n,).

    ``margin`` is dpo_beta times the difference, chosen minus rejected, of the log-probability ratios of policy model
    and reference model, so that sigmoid(margin) is the modelled probability (Rafailov et al., 2023,
    arXiv:2305.18290, equation 7, where p is 1). With p = k / n it equals the mean loss of n copies of the pair of
    which n - k are turned round.
    """
    return -weight * (p * logsigmoid(margin) + (1 - p) * logsigmoid(-margin))
