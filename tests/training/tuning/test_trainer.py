"""What the trainer does with soft labels and weights, compared with TRL's own trainer and with copied rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from pluralign.folder import StudyFolder
from pluralign.language_models import load
from pluralign.preferences import to_trl
from pluralign.progress import SILENT
from pluralign.training.cache import Cache
from pluralign.training.reference import Scores, answers, log_probs
from pluralign.training.rows import Row, tokenise
from pluralign.training.tokens import Tokeniser
from pluralign.training.tuning.layout import Layout, shares_prompts
from pluralign.training.tuning.log_probs import laid_out_log_probs, response_log_probs
from pluralign.training.tuning.objectives import objective
from pluralign.training.tuning.run import _examples
from pluralign.training.tuning.trainer import PairCollator, PairTrainer
from tests.training.examples import PAIRS_B, QUESTIONS, TONES, Pair, pairs_frame

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


class Losses(TrainerCallback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        self.values += [logs["loss"]] if "loss" in logs else []


def arguments(folder: Path, batch: int, **changes: Any) -> DPOConfig:
    settings: dict[str, Any] = {
        "max_steps": 4,
        "per_device_train_batch_size": batch,
        "learning_rate": 0.05,
        "optim": "sgd",
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "dataloader_pin_memory": False,
        "activation_checkpointing": False,
    }
    return DPOConfig(output_dir=str(folder), **(settings | changes))


def texts(pairs: Sequence[Pair]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of pairs and the same for TRL."""
    frame = pairs_frame(pairs)
    prompts = pd.DataFrame({"prompt": list(QUESTIONS), "text_en": list(QUESTIONS.values())})
    items = pd.DataFrame(
        [{"item": f"{prompt}.{tone}", "text_en": text} for prompt in QUESTIONS for tone, text in TONES.items()]
    )
    return frame, to_trl(frame, prompts, items, "en")


def cache(folder: Path, what: str) -> Cache[Any]:
    return Cache(StudyFolder(folder), what, {})


def scores(model: Any, rows: Sequence[Row], folder: Path) -> Scores:
    reference = Scores(cache(folder, "scores"))
    wanted = reference.missing(answers(rows))
    reference.add(wanted, log_probs(model, wanted, SILENT))
    return reference


def tuned(model_folder: Path, folder: Path, pairs: Sequence[Pair], **changes: Any) -> tuple[list[float], Any]:
    """Losses and adapter after a few steps, each on all pairs."""
    model, tokenizer = load(model_folder, dtype="float32", device="cpu")
    frame, table = texts(pairs)
    rows = tokenise(table, frame, Tokeniser(lambda: tokenizer, cache(folder, "tokens")))
    reference = scores(model, rows, folder)
    losses = Losses()
    trainer = PairTrainer(
        model=model,
        objective=objective({"dpo_loss": "sigmoid", "dpo_beta": 0.1}, "dpo"),
        args=arguments(folder, len(rows), remove_unused_columns=False, **changes),
        data_collator=PairCollator(tokenizer.pad_token_id, shared=True),
        train_dataset=Dataset.from_list(_examples(rows, reference)),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[losses],
    )
    trainer.train()
    return losses.values, adapter(trainer)


def adapter(trainer: Any) -> Any:
    found = [value.detach().numpy().ravel() for value in trainer.model.parameters() if value.requires_grad]
    return np.concatenate(found)


def tuned_by_trl(model_folder: Path, folder: Path, pairs: Sequence[Pair], **changes: Any) -> tuple[list[float], Any]:
    """The same by TRL's own trainer, which takes all pairs to be certain."""
    model, tokenizer = load(model_folder, dtype="float32", device="cpu")
    _, table = texts(pairs)
    losses = Losses()
    trainer = DPOTrainer(
        model=model,
        args=arguments(folder, len(table), **changes),
        train_dataset=Dataset.from_list(table[["prompt", "chosen", "rejected"]].to_dict("records")),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[losses],
    )
    trainer.train()
    return losses.values, adapter(trainer)


def test_certain_pairs_give_trls_own_losses_and_weights(tiny: Path, tmp_path: Path) -> None:
    losses, weights = tuned(tiny, tmp_path / "ours", PAIRS_B)
    theirs, their_weights = tuned_by_trl(tiny, tmp_path / "theirs", PAIRS_B)
    assert losses == pytest.approx(theirs, abs=1e-6)
    assert losses[-1] < losses[0] - 0.01
    assert np.abs(weights - their_weights).max() < 1e-6


def test_three_quarters_equal_three_copies_and_one_turned_round(tiny: Path, tmp_path: Path) -> None:
    soft: list[Pair] = [(chosen, rejected, 0.75, 1.0) for chosen, rejected, _, _ in PAIRS_B]
    hard: list[Pair] = [(chosen, rejected, 1.0, 1.0) for chosen, rejected, _, _ in PAIRS_B]
    copies = hard * 3 + [(rejected, chosen, 1.0, 1.0) for chosen, rejected, _, _ in PAIRS_B]
    soft_losses, soft_weights = tuned(tiny, tmp_path / "soft", soft)
    copied_losses, copied_weights = tuned(tiny, tmp_path / "copies", copies)
    assert soft_losses == pytest.approx(copied_losses, abs=1e-6)
    assert np.abs(soft_weights - copied_weights).max() < 1e-6


def test_labels_and_weights_decide_where_the_model_goes(tiny: Path, tmp_path: Path) -> None:
    def direction(name: str, p: float, weight: float) -> Any:
        pairs: list[Pair] = [(chosen, rejected, p, weight) for chosen, rejected, _, _ in PAIRS_B]
        return tuned(tiny, tmp_path / name, pairs, max_steps=1, warmup_steps=0)[1]

    start = direction("even", 0.5, 1.0)
    ahead = direction("ahead", 1.0, 1.0) - start
    turned = direction("turned", 0.0, 1.0) - start
    half = direction("half", 1.0, 0.5) - start
    assert np.abs(ahead).max() > 1e-4
    assert np.allclose(turned, -ahead, atol=1e-6)
    assert np.allclose(half, ahead / 2, atol=1e-6)


@pytest.mark.parametrize("shared", [True, False])
def test_the_policy_model_begins_as_the_reference_model_however_batches_are_laid_out(
    tiny: Path, tmp_path: Path, shared: bool
) -> None:
    model, tokenizer = load(tiny, dtype="float32", device="cpu")
    frame, table = texts(PAIRS_B)
    rows = tokenise(table, frame, Tokeniser(lambda: tokenizer, cache(tmp_path, "tokens")))
    batch = PairCollator(tokenizer.pad_token_id, shared=shared)(_examples(rows, scores(model, rows, tmp_path)))
    assert shares_prompts(model.config)
    with torch.inference_mode():
        if shared:
            layout = Layout(**{name: batch[name] for name in Layout.__slots__})
            got = laid_out_log_probs(model, model.lm_head, layout)
        else:
            got = response_log_probs(model, batch["input_ids"], batch["attention_mask"], batch["response_mask"])
        logits = model(torch.tensor([[*rows[0].prompt_ids, *rows[0].chosen_ids]])).logits[0, :-1].log_softmax(-1)
    by_hand = sum(
        logits[place - 1, token].item() for place, token in enumerate(rows[0].chosen_ids, len(rows[0].prompt_ids))
    )
    assert got[0].item() == pytest.approx(by_hand, abs=1e-3)
    expected = torch.cat([batch["reference_first"], batch["reference_second"]])
    assert torch.allclose(got, expected, atol=1e-3)
