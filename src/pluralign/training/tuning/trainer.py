"""TRL's trainer with soft labels, weights and reference log-probabilities that are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.trainer_utils import SaveStrategy
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from pluralign.errors import ConvergenceError
from pluralign.training.tuning.adapters import weights
from pluralign.training.tuning.layout import Layout, Pair, lay_out
from pluralign.training.tuning.log_probs import laid_out_log_probs, response_log_probs
from pluralign.training.tuning.loss import Scored
from pluralign.training.tuning.quiet import Quiet

Objective = Callable[[Scored, Tensor, Tensor], tuple[Tensor, dict[str, Tensor]]]
"""From the responses of a batch, p and weight to the loss, and to what the log says beside it (values per row)."""

_LAYOUT = tuple(Layout.__slots__)


class PairCollator:
    """Pairs as tensors: in the columns of `Layout` where ``shared``, else one response a row, first responses first."""

    def __init__(self, padding: int, *, shared: bool) -> None:
        self._padding = padding
        self._shared = shared

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Tensors of a batch of the trainer's rows."""
        pairs = [Pair(tuple(row["prompt_ids"]), tuple(row["first_ids"]), tuple(row["second_ids"])) for row in examples]
        numbers = {
            name: torch.tensor([row[name] for row in examples], dtype=torch.float32)
            for name in ("reference_first", "reference_second", "p", "weight")
        }
        tokens = {
            "first_tokens": torch.tensor([float(len(pair.first)) for pair in pairs]),
            "second_tokens": torch.tensor([float(len(pair.second)) for pair in pairs]),
        }
        if self._shared:
            layout = lay_out(pairs, self._padding)
            return {**{name: getattr(layout, name) for name in _LAYOUT}, **numbers, **tokens}
        return {**self._padded(pairs), **numbers, **tokens}

    def _padded(self, pairs: Sequence[Pair]) -> dict[str, Tensor]:
        answers = [(pair.prompt, pair.first) for pair in pairs] + [(pair.prompt, pair.second) for pair in pairs]
        width = max(len(prompt) + len(response) for prompt, response in answers)
        input_ids = torch.full((len(answers), width), self._padding)
        seen, response_mask = torch.zeros_like(input_ids), torch.zeros_like(input_ids)
        for row, (prompt, response) in enumerate(answers):
            end = len(prompt) + len(response)
            input_ids[row, :end] = torch.tensor([*prompt, *response])
            seen[row, :end] = 1
            response_mask[row, len(prompt) : end] = 1
        return {"input_ids": input_ids, "attention_mask": seen, "response_mask": response_mask}


class PairTrainer(Quiet, DPOTrainer):
    """``DPOTrainer`` with a loss that is given, and that leaves nothing behind but checkpoints.

    Rows have the columns ``prompt_ids, first_ids, second_ids, reference_first, reference_second, p, weight``: they are
    tokenised and scored by the caller, so that TRL has nothing to prepare and no row to drop. Checked against TRL 1.16.
    """

    def __init__(self, *, args: DPOConfig, objective: Objective, **others: Any) -> None:
        # A trainer of transformers makes no checkpoints of a model that was divided as it was loaded, since the state
        # of its optimiser would be divided, too. Here only the adapter is tuned, which every process has whole.
        strategy, args.save_strategy = args.save_strategy, SaveStrategy.NO
        super().__init__(args=args, **others)
        self.args.save_strategy = strategy
        self._objective = objective

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        super()._save(output_dir, state_dict or weights(self.model))

    def _compute_loss(self, model: Any, inputs: Mapping[str, Any], return_outputs: bool) -> Tensor:  # noqa: ARG002
        if "place" in inputs:
            head = self.accelerator.unwrap_model(model).get_output_embeddings()
            with self.accelerator.autocast():
                log_probs = laid_out_log_probs(model, head, Layout(**{name: inputs[name] for name in _LAYOUT}))
        else:
            log_probs = response_log_probs(
                model, inputs["input_ids"], inputs["attention_mask"], inputs["response_mask"]
            )
        first, second = map(self._whole_batch, log_probs.chunk(2))
        given = ("reference_first", "reference_second", "first_tokens", "second_tokens", "p", "weight")
        *scores, p, weight = (self._whole_batch(inputs[name]) for name in given)
        loss, notes = self._objective(Scored(first, second, *scores), p, weight)
        if not torch.isfinite(loss):
            raise ConvergenceError(f"the loss is {loss.item()} in step {self.state.global_step + 1}")
        for name, values in notes.items():
            if len(values):
                self._metrics["train"][name].append(values.detach().float().mean().item())
        # Gradients are averaged over processes: the sum of their parts is that of the whole batch.
        processes: int = self.accelerator.num_processes
        return loss.detach() + processes * (loss - loss.detach())

    def _whole_batch(self, values: Tensor) -> Tensor:
        """The values of the rows of all processes, in the order of the rows; only this process's have gradients."""
        processes = self.accelerator.num_processes
        if processes == 1:
            return values
        parts = list(self.accelerator.gather(values.detach()).chunk(processes))
        parts[self.accelerator.process_index] = values
        return torch.cat(parts)
