from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from pluralign.training.loss import soft_label_loss


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_a_certain_pair_of_weight_one_has_the_ordinary_loss() -> None:
    margin = tensor(-2.0, 0.0, 3.0)
    assert torch.equal(soft_label_loss(margin, tensor(1, 1, 1), tensor(1, 1, 1)), -logsigmoid(margin))


def test_an_even_pair_is_best_left_where_it_is() -> None:
    margin = tensor(-0.5, 0.0, 0.5).requires_grad_()
    loss = soft_label_loss(margin, tensor(0.5, 0.5, 0.5), tensor(1, 1, 1))
    (gradient,) = torch.autograd.grad(loss.sum(), margin)
    assert loss[1].item() == pytest.approx(math.log(2))
    assert gradient.tolist() == pytest.approx([-gradient[2].item(), 0.0, gradient[2].item()])
    assert gradient[2] > 0


def test_the_loss_is_least_where_the_model_agrees_with_the_raters() -> None:
    margin = tensor(math.log(0.8 / 0.2)).requires_grad_()
    (gradient,) = torch.autograd.grad(soft_label_loss(margin, tensor(0.8), tensor(1)).sum(), margin)
    assert gradient.item() == pytest.approx(0, abs=1e-12)


def test_weights_multiply() -> None:
    margin, p = tensor(0.3, -1.2), tensor(0.7, 0.9)
    assert torch.allclose(
        soft_label_loss(margin, p, tensor(3, 0.5)), tensor(3, 0.5) * soft_label_loss(margin, p, p / p)
    )


def test_a_large_margin_on_the_wrong_side_stays_finite() -> None:
    assert soft_label_loss(tensor(-1e4), tensor(1), tensor(1)).item() == pytest.approx(1e4)
