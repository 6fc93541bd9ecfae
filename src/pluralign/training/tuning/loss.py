"""Losses of preference optimisation for responses on which people disagree.

A row holds two responses to one prompt; ``p`` is the probability with which raters hold the first to be better (in
``kto_loss`` the share of its ratings that are good), ``weight`` how much the row counts. Wherever a loss is a mean
over rows, a row with p = k / n has the mean loss of n copies of it of which n - k are turned round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True, slots=True)
class Scored:
    """Log-probabilities of n first and n second responses under policy model and reference model, and their numbers of
    tokens; all of shape (n,).
    """

    first: Tensor
    second: Tensor
    reference_first: Tensor
    reference_second: Tensor
    first_tokens: Tensor
    second_tokens: Tensor

    @property
    def first_ratio(self) -> Tensor:
        """Log-probability ratio of policy model and reference model, first responses."""
        return self.first - self.reference_first

    @property
    def second_ratio(self) -> Tensor:
        """Log-probability ratio of policy model and reference model, second responses."""
        return self.second - self.reference_second

    @property
    def turned(self) -> Scored:
        """The same rows the other way round."""
        return Scored(
            self.second,
            self.first,
            self.reference_second,
            self.reference_first,
            self.second_tokens,
            self.first_tokens,
        )


RowLoss = Callable[[Scored, float, float], Tensor]
"""The loss of each row (n,) if its first response is better for certain, given dpo_beta and label_smoothing."""


def soft_label_loss(margin: Tensor, p: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy between the stated and the modelled probability that the first is better; all shapes (n,).

    ``margin`` is dpo_beta times the difference, first minus second, of the log-probability ratios of policy model
    and reference model, so that sigmoid(margin) is the modelled probability (Rafailov et al., 2023,
    arXiv:2305.18290, equation 7, where p is 1).
    """
    return -weight * (p * logsigmoid(margin) + (1 - p) * logsigmoid(-margin))


def dpo_loss(name: str, scored: Scored, p: Tensor, weight: Tensor, beta: float, smoothing: float) -> Tensor:
    """The mean over the batch of the loss ``name``, one of ``ROW_LOSSES``, ``BATCH_LOSSES`` or ``sft``.

    ``p`` and ``weight`` are not read by BATCH_LOSSES, for which whole batches are compared and a row has no loss.
    """
    if name in ROW_LOSSES:
        loss = ROW_LOSSES[name]
        return (weight * (p * loss(scored, beta, smoothing) + (1 - p) * loss(scored.turned, beta, smoothing))).mean()
    if name in BATCH_LOSSES:
        return BATCH_LOSSES[name](scored, beta, smoothing).mean()
    return sft_loss(scored, p, weight)


def sft_loss(scored: Scored, p: Tensor, weight: Tensor) -> Tensor:
    """Negative log-probability per token of the better responses: the first with probability p, else the second."""
    first, second = weight * p, weight * (1 - p)
    total = (first * scored.first + second * scored.second).sum()
    return -total / (first * scored.first_tokens + second * scored.second_tokens).sum()


def kto_loss(scored: Scored, p: Tensor, weight: Tensor, beta: float) -> Tensor:
    """Kahneman-Tversky optimisation (Ethayarajh et al., 2024, arXiv:2402.01306, equation 8).

    First responses are the rated ones. Second ones answer another prompt of the batch: they only serve to estimate how
    far policy model and reference model are apart, from where a response counts as a gain or a loss.
    """
    zero = scored.second_ratio.mean().detach().clamp(min=0)
    gain = beta * (scored.first_ratio - zero)
    return (weight * (p * torch.sigmoid(-gain) + (1 - p) * torch.sigmoid(gain))).mean()


def _margin(scored: Scored) -> Tensor:
    return scored.first_ratio - scored.second_ratio


def _margin_per_token(scored: Scored) -> Tensor:
    return scored.first_ratio / scored.first_tokens - scored.second_ratio / scored.second_tokens


def _sigmoid(scored: Scored, beta: float, _: float) -> Tensor:
    return -logsigmoid(beta * _margin(scored))


def _sigmoid_norm(scored: Scored, beta: float, _: float) -> Tensor:
    return -logsigmoid(beta * _margin_per_token(scored))


def _hinge(scored: Scored, beta: float, _: float) -> Tensor:
    """Zhao et al., 2023, arXiv:2305.10425."""
    return torch.relu(1 - beta * _margin(scored))


def _ipo(scored: Scored, beta: float, _: float) -> Tensor:
    """Azar et al., 2023, arXiv:2310.12036, equation 17, with log-probabilities per token."""
    return (_margin_per_token(scored) - 1 / (2 * beta)) ** 2


def _exo_pair(scored: Scored, beta: float, smoothing: float) -> Tensor:
    """Ji et al., 2024, arXiv:2402.00856, equation 16."""
    margin = beta * _margin(scored)
    sure, unsure = torch.log1p(margin.new_tensor(-smoothing)), torch.log(margin.new_tensor(smoothing))
    return torch.sigmoid(margin) * (logsigmoid(margin) - sure) + torch.sigmoid(-margin) * (logsigmoid(-margin) - unsure)


def _nca_pair(scored: Scored, beta: float, _: float) -> Tensor:
    """Chen et al., 2024, arXiv:2402.05369."""
    first, second = beta * scored.first_ratio, beta * scored.second_ratio
    return -logsigmoid(first) - 0.5 * logsigmoid(-first) - 0.5 * logsigmoid(-second)


def _robust(scored: Scored, beta: float, smoothing: float) -> Tensor:
    """Chowdhury et al., 2024, arXiv:2403.00409: unbiased where a share ``smoothing`` of all labels is turned round."""
    margin = beta * _margin(scored)
    return ((smoothing - 1) * logsigmoid(margin) + smoothing * logsigmoid(-margin)) / (1 - 2 * smoothing)


def _bco_pair(scored: Scored, beta: float, _: float) -> Tensor:
    """Jung et al., 2024, arXiv:2404.04656."""
    return -logsigmoid(beta * scored.first_ratio) - logsigmoid(-beta * scored.second_ratio)


def _sppo_hard(scored: Scored, beta: float, _: float) -> Tensor:
    """Wu et al., 2024, arXiv:2405.00675, equation 4.7 with certain labels."""
    return (scored.first_ratio - 0.5 / beta) ** 2 + (scored.second_ratio + 0.5 / beta) ** 2


def _apo_zero(scored: Scored, beta: float, _: float) -> Tensor:
    """D'Oosterlinck et al., 2024, arXiv:2408.06266, equation 7."""
    return torch.sigmoid(-beta * scored.first_ratio) + torch.sigmoid(beta * scored.second_ratio)


def _apo_down(scored: Scored, beta: float, _: float) -> Tensor:
    """The same, equation 8: both responses are worse than what the model says."""
    return torch.sigmoid(beta * scored.first_ratio) + torch.sigmoid(-beta * _margin(scored))


def _discopop(scored: Scored, beta: float, _: float) -> Tensor:
    """Lu et al., 2024, arXiv:2406.08414, equation 5, at their temperature of 0.05."""
    margin = beta * _margin(scored)
    mixed = torch.sigmoid(margin / 0.05)
    return -logsigmoid(margin) * (1 - mixed) + torch.exp(-margin) * mixed


def _smoothed(margin: Tensor, smoothing: float) -> Tensor:
    return (smoothing - 1) * logsigmoid(margin) - smoothing * logsigmoid(-margin)


def _aot(scored: Scored, beta: float, smoothing: float) -> Tensor:
    """Melnyk et al., 2024, arXiv:2406.05882: sorted margins of the policy against sorted margins of the reference."""
    policy = (scored.first - scored.second).sort().values
    reference = (scored.reference_first - scored.reference_second).sort().values
    return _smoothed(beta * (policy - reference), smoothing)


def _aot_unpaired(scored: Scored, beta: float, smoothing: float) -> Tensor:
    """The same with sorted ratios of first responses against sorted ratios of second ones."""
    return _smoothed(beta * (scored.first_ratio.sort().values - scored.second_ratio.sort().values), smoothing)


ROW_LOSSES: dict[str, RowLoss] = {
    "sigmoid": _sigmoid,
    "sigmoid_norm": _sigmoid_norm,
    "hinge": _hinge,
    "ipo": _ipo,
    "exo_pair": _exo_pair,
    "nca_pair": _nca_pair,
    "robust": _robust,
    "bco_pair": _bco_pair,
    "sppo_hard": _sppo_hard,
    "apo_zero": _apo_zero,
    "apo_down": _apo_down,
    "discopop": _discopop,
}
"""Losses of a single row, which take p and weight."""

BATCH_LOSSES: dict[str, RowLoss] = {"aot": _aot, "aot_unpaired": _aot_unpaired}
"""Losses that compare the sorted values of a batch: no row has a loss of its own, so p and weight have no meaning."""
