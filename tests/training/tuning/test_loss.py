from __future__ import annotations

import math
from collections import defaultdict
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from torch.nn.functional import logsigmoid
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_trainer import KTOTrainer

from pluralign.study.training import OF_BATCHES, DpoLoss
from pluralign.training.tuning.loss import (
    BATCH_LOSSES,
    ROW_LOSSES,
    Scored,
    dpo_loss,
    kto_loss,
    sft_loss,
    soft_label_loss,
)

BETA, SMOOTHING, ROWS = 0.1, 0.2, 6
LENGTHS = torch.tensor([[4, 7, 3, 9, 5, 6], [8, 2, 6, 3, 5, 9]])


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def per_token(seed: int) -> torch.Tensor:
    """Log-probabilities of the tokens of 2 x ROWS responses behind a prompt of one token, 0 beyond their ends."""
    generator = torch.Generator().manual_seed(seed)
    values = -4 * torch.rand(2 * ROWS, 9, generator=generator, dtype=torch.float64)
    return values * (torch.arange(9) < LENGTHS.flatten()[:, None])


def scored() -> Scored:
    policy, reference = per_token(1).sum(1), per_token(2).sum(1)
    first, second = LENGTHS.double()
    return Scored(policy[:ROWS], policy[ROWS:], reference[:ROWS], reference[ROWS:], first, second)


def ones() -> torch.Tensor:
    return torch.ones(ROWS, dtype=torch.float64)


class Trl(SimpleNamespace):
    """What TRL's losses ask of the trainer: no model is run, its log-probabilities are given."""

    def __call__(self, **_: Any) -> Any:
        tokens = per_token(1)
        return SimpleNamespace(log_probs=tokens, entropy=tokens, mean_logits=tokens, is_top1=tokens < 0)


def trls_loss(name: str) -> float:
    same = SimpleNamespace(device="cpu", gather_for_metrics=lambda value: value, gather=lambda value: value)
    trl = Trl(
        model=SimpleNamespace(training=True),
        accelerator=same,
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[name],
        loss_weights=[1.0],
        beta=BETA,
        label_smoothing=SMOOTHING,
        args=SimpleNamespace(discopop_tau=0.05),
        use_weighting=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    reference = per_token(2).sum(1)
    mask = torch.arange(10) <= LENGTHS.flatten()[:, None]
    mask[:, 0] = False
    inputs = {
        "input_ids": torch.zeros(2 * ROWS, 10, dtype=torch.long),
        "attention_mask": torch.ones(2 * ROWS, 10),
        "completion_mask": mask.long(),
        "ref_chosen_logps": reference[:ROWS],
        "ref_rejected_logps": reference[ROWS:],
    }
    loss: Any = DPOTrainer._compute_loss
    return float(loss(trl, trl, inputs, False))


@pytest.mark.parametrize("name", get_args(DpoLoss))
def test_every_loss_equals_trls_where_raters_are_certain(name: str) -> None:
    ours = dpo_loss(name, scored(), ones(), ones(), BETA, SMOOTHING)
    assert ours.item() == pytest.approx(trls_loss(name), abs=1e-6)


@pytest.mark.parametrize("name", [*ROW_LOSSES, "sft"])
def test_soft_labels_equal_copies_of_which_some_are_turned_round(name: str) -> None:
    rows = scored()
    soft = dpo_loss(name, rows, 0.75 * ones(), ones(), BETA, SMOOTHING)
    four = [rows, rows, rows, rows.turned]
    copies = Scored(*(torch.cat([getattr(one, part) for one in four]) for part in Scored.__slots__))
    every = torch.ones(4 * ROWS, dtype=torch.float64)
    assert soft.item() == pytest.approx(dpo_loss(name, copies, every, every, BETA, SMOOTHING).item(), abs=1e-12)


def test_losses_of_whole_batches_are_those_that_the_study_file_knows() -> None:
    assert set(BATCH_LOSSES) == set(OF_BATCHES)
    assert {*ROW_LOSSES, *BATCH_LOSSES, "sft"} == set(get_args(DpoLoss))


def trls_kto_loss(good: torch.Tensor) -> float:
    same = SimpleNamespace(device="cpu", gather_for_metrics=lambda value: value)
    trl = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=same,
        aux_loss_enabled=False,
        precompute_ref_logps=True,
        calculate_KL=True,
        loss_type="kto",
        beta=BETA,
        desirable_weight=1.0,
        undesirable_weight=1.0,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        _compute_kl_logps=lambda *_: per_token(1).sum(1)[ROWS:],
    )

    def model(**_: Any) -> Any:
        tokens = per_token(1)[:ROWS]
        return SimpleNamespace(log_probs=tokens, entropy=tokens, mean_logits=tokens)

    reference = per_token(2).sum(1)
    inputs = {
        "input_ids": torch.zeros(ROWS, 10, dtype=torch.long),
        "attention_mask": torch.ones(ROWS, 10),
        "completion_mask": torch.ones(ROWS, 10, dtype=torch.long),
        "label": good,
        "ref_logps": reference[:ROWS],
        "ref_KL_logps": reference[ROWS:],
    }
    loss: Any = KTOTrainer._compute_loss
    return float(loss(trl, model, inputs, False))


def test_kto_equals_trls_and_its_shares_equal_copies() -> None:
    good = torch.tensor([True, False, True, True, False, True])
    rows = scored()
    assert kto_loss(rows, good.double(), ones(), BETA).item() == pytest.approx(trls_kto_loss(good), abs=1e-6)
    share = kto_loss(rows, 0.25 * ones(), ones(), BETA)
    parts = [kto_loss(rows, p * ones(), ones(), BETA) for p in (1.0, 0.0, 0.0, 0.0)]
    assert share.item() == pytest.approx(torch.stack(parts).mean().item(), abs=1e-12)


def test_weights_multiply_in_every_loss_of_rows() -> None:
    weight = tensor(3, 0.5, 0, 1, 1, 2)
    p = tensor(0.7, 0.9, 0.5, 1, 0, 0.6)
    for name in ROW_LOSSES:
        parts = []
        for row in range(ROWS):
            mask = torch.zeros(ROWS, dtype=torch.float64)
            mask[row] = 1
            parts.append(weight[row] * dpo_loss(name, scored(), p, mask, BETA, SMOOTHING))
        whole = dpo_loss(name, scored(), p, weight, BETA, SMOOTHING)
        assert whole.item() == pytest.approx(torch.stack(parts).sum().item(), abs=1e-12), name


def test_imitation_goes_by_tokens_of_the_better_responses() -> None:
    rows = scored()
    certain = sft_loss(rows, ones(), ones())
    assert certain.item() == pytest.approx(-(rows.first.sum() / rows.first_tokens.sum()).item())
    assert sft_loss(rows, 0 * ones(), ones()).item() == pytest.approx(
        -(rows.second.sum() / rows.second_tokens.sum()).item()
    )


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


def test_a_large_margin_on_the_wrong_side_stays_finite() -> None:
    assert soft_label_loss(tensor(-1e4), tensor(1), tensor(1)).item() == pytest.approx(1e4)
