"""TRL's trainer with soft labels, weights and reference log-probabilities that are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

from pluralign.errors import ConvergenceError
from pluralign.training.checkpoints import mark_complete
from pluralign.training.log_probs import response_log_probs
from pluralign.training.loss import soft_label_loss


class SoftLabelCollator(DataCollatorForPreference):
    """TRL's collator, which also passes on ``p`` and ``weight``."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Tensors of a batch."""
        batch: dict[str, Any] = super().torch_call(examples)
        for name in ("p", "weight"):
            batch[name] = torch.tensor([example[name] for example in examples], dtype=torch.float32)
        return batch


class SoftLabelDPOTrainer(DPOTrainer):
    """``DPOTrainer`` whose loss honours ``p`` and ``weight``, and that leaves nothing behind but checkpoints.

    Rows have the columns ``prompt_ids, chosen_ids, rejected_ids, ref_chosen_logps, ref_rejected_logps, p, weight``:
    they are tokenised and scored by the caller, so that TRL has nothing to prepare and no row to drop. Checked
    against TRL 1.16.
    """

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def _compute_loss(self, model: Any, inputs: Mapping[str, Any], return_outputs: bool) -> Tensor:  # noqa: ARG002
        log_probs = response_log_probs(model, inputs["input_ids"], inputs["attention_mask"], inputs["completion_mask"])
        chosen, rejected = log_probs.chunk(2)
        chosen_ratio = chosen - inputs["ref_chosen_logps"]
        rejected_ratio = rejected - inputs["ref_rejected_logps"]
        margin = self.beta * (chosen_ratio - rejected_ratio)
        p, weight = inputs["p"], inputs["weight"]
        loss = soft_label_loss(margin, p, weight).mean()
        if not torch.isfinite(loss):
            raise ConvergenceError(f"the loss is {loss.item()} in step {self.state.global_step + 1}")
        self._note(margin, self.beta * chosen_ratio, self.beta * rejected_ratio, p)
        return loss

    def _note(self, margin: Tensor, chosen: Tensor, rejected: Tensor, p: Tensor) -> None:
        """Keep what TRL's ``log`` adds to the line of this step."""
        lean = p != 0.5
        notes = {
            "margin": margin.mean(),
            "reward_chosen": chosen.mean(),
            "reward_rejected": rejected.mean(),
        }
        if bool(lean.any()):
            # Of the rows that lean one way, the share that the model orders alike.
            notes["agreement"] = ((margin > 0) == (p > 0.5))[lean].float().mean()
        for name, value in notes.items():
            self._metrics["train"][name].append(value.item())

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[no-untyped-call]
        mark_complete(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}")

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: the run's manifest says where the model comes from."""

    def _send_telemetry(self) -> None:
        """Send none."""
