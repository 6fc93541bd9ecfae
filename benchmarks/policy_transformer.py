"""A policy model that is a real transformer, small enough to be tuned hundreds of times: a Llama of two layers and
width 32 whose tokens are whole words.

It is tuned as `pluralign train` tunes: the package's tokens, order of rows, log-probabilities of the reference model,
low-rank adapter, loss and `PairTrainer` on TRL, on a base model that is lent to one run after another; and it is
sampled by `pluralign.language_models.generate`. Left out is what a stage keeps on disk: manifests, checkpoints,
adapters.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback, ProgressCallback
from transformers.utils import logging
from trl.trainer.dpo_config import DPOConfig

from pluralign.language_models import Sampling, conversation, generate
from pluralign.progress import SILENT
from pluralign.study import Training
from pluralign.training.base_models import BaseModels
from pluralign.training.reference import Answered, answers, log_probs
from pluralign.training.rows import Row, ordered
from pluralign.training.settings import settings, trainer_arguments
from pluralign.training.tokens import Tokens, answered
from pluralign.training.tuning.layout import shares_prompts
from pluralign.training.tuning.log_probs import response_log_probs
from pluralign.training.tuning.objectives import objective
from pluralign.training.tuning.trainer import PairCollator, PairTrainer

TRAINING = Training(steps=20, batch_size=32, learning_rate=1e-2, lora_rank=8, precision="float32")
ARITHMETIC = {"device": "cpu", "dtype": "float32"}
_PAD, _ASKED, _ANSWERED, _END = "<pad>", "<asked>", "<answered>", "<end>"
_TEMPLATE = (
    "{% for turn in messages %}{{ (turn.role == 'user') and '<asked> ' or '<answered> ' }}{{ turn.content }}"
    " {% endfor %}{% if add_generation_prompt %}<answered> {% endif %}"
)


class TransformerPolicy:
    """Responses of ``length`` words at most to the texts of ``prompts``, which are made of the same words; ``folder``
    gets the base model, which is taught random responses first. ``beta``: of direct preference optimisation.
    """

    name = "transformer"

    def __init__(
        self, words: Sequence[str], length: int, prompts: Mapping[str, str], folder: Path, beta: float
    ) -> None:
        torch.set_num_threads(1)
        logging.set_verbosity(logging.ERROR)
        disable_progress_bars()
        warnings.filterwarnings("ignore")
        self._folder, self._length, self._prompts, self._bases = folder, length, prompts, BaseModels()
        self._training = TRAINING.model_copy(update={"dpo_beta": beta})
        self._reference: dict[Answered, float] = {}
        self._tokens: dict[tuple[str, str], tuple[Tokens, Tokens]] = {}
        _write_base(folder, words, length, list(prompts.values()))
        # Every run ends with a collection, which would otherwise go through the libraries each time.
        gc.freeze()

    def base(self, prompts: Sequence[str], seed: int) -> list[str]:
        """A response to each prompt, given by name, by the base model."""
        with self._bases.lent(self._folder, ARITHMETIC) as (model, tokenizer):
            return self._sampled(model, tokenizer, prompts, seed)

    def tuned(self, pairs: pd.DataFrame, texts: Mapping[str, str], prompts: Sequence[str], seed: int) -> list[str]:
        """The same after direct preference optimisation; equal seeds draw equal random numbers."""
        with self._bases.lent(self._folder, ARITHMETIC) as (model, tokenizer):
            rows = self._rows(pairs, texts, tokenizer)
            new = sorted(answers(rows) - self._reference.keys())
            self._reference.update(zip(new, log_probs(model, new, SILENT), strict=True))
            trainer = self._trainer(model, tokenizer, rows, seed)
            trainer.train()
            return self._sampled(trainer.model, tokenizer, prompts, seed)

    def _rows(self, pairs: pd.DataFrame, texts: Mapping[str, str], tokenizer: Any) -> list[Row]:
        rows = []
        for pair in pairs.to_dict("records"):
            asked = self._prompts[pair["prompt"]]
            prompt, chosen = self._answered(tokenizer, asked, texts[pair["chosen"]])
            _, rejected = self._answered(tokenizer, asked, texts[pair["rejected"]])
            rows.append(Row(pair["chosen"], pair["rejected"], prompt, chosen, rejected, pair["p"], pair["weight"]))
        return rows

    def _answered(self, tokenizer: Any, prompt: str, text: str) -> tuple[Tokens, Tokens]:
        if (prompt, text) not in self._tokens:
            self._tokens[prompt, text] = answered(tokenizer, conversation(prompt), text)
        return self._tokens[prompt, text]

    def _trainer(self, model: Any, tokenizer: Any, rows: Sequence[Row], seed: int) -> PairTrainer:
        made, shared = settings(self._training), shares_prompts(model.config)
        steps, batch = self._training.steps, self._training.batch_size
        stream = ordered(rows, seed, steps * batch)
        arguments = trainer_arguments(made, ARITHMETIC, seed=seed, steps=steps, batch=batch, tokens=1)
        arguments |= {"save_strategy": "no", "logging_strategy": "no"}
        examples = [
            {
                "prompt_ids": list(row.prompt_ids),
                "first_ids": list(row.chosen_ids),
                "second_ids": list(row.rejected_ids),
                "reference_first": self._reference[row.prompt_ids, row.chosen_ids],
                "reference_second": self._reference[row.prompt_ids, row.rejected_ids],
                "p": row.p,
                "weight": row.weight,
            }
            for row in stream
        ]
        trainer = PairTrainer(
            model=model,
            objective=objective(made, self._training.method),
            args=DPOConfig(output_dir=str(self._folder / "trainer"), **arguments),
            data_collator=PairCollator(tokenizer.pad_token_id, shared=shared),
            train_dataset=Dataset.from_list(examples),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=made["lora_rank"],
                lora_alpha=made["lora_alpha"],
                target_modules=made["lora_targets"],
                task_type="CAUSAL_LM",
            ),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.remove_callback(ProgressCallback)
        return trainer

    def _sampled(self, model: Any, tokenizer: Any, prompts: Sequence[str], seed: int) -> list[str]:
        sampling = Sampling(max_new_tokens=self._length, temperature=1.0, top_p=1.0, seed=seed)
        asked = [conversation(self._prompts[name]) for name in prompts]
        replies = generate(model, tokenizer, asked, sampling, batch_size=len(asked))
        return [reply.text for reply in replies]


def _write_base(folder: Path, words: Sequence[str], length: int, prompts: Sequence[str]) -> None:
    """A model with a tokenizer that answers any prompt with ``length`` random words."""
    vocabulary = {token: number for number, token in enumerate((_PAD, _ASKED, _ANSWERED, _END, *words))}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token=_PAD))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token=_PAD, eos_token=_END, additional_special_tokens=[_ASKED, _ANSWERED]
    )
    tokenizer.chat_template = _TEMPLATE
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=vocabulary[_END],
            pad_token_id=vocabulary[_PAD],
        )
    )
    _teach(model, tokenizer, words, length, prompts)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _teach(model: Any, tokenizer: Any, words: Sequence[str], length: int, prompts: Sequence[str]) -> None:
    rng = np.random.default_rng(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(300):
        rows = []
        for prompt in rng.choice(prompts, 32):
            text = " ".join(rng.choice(words, length))
            rows.append(answered(tokenizer, [{"role": "user", "content": str(prompt)}], text))
        ids = torch.tensor([[*prompt, *response] for prompt, response in rows])
        mask = torch.tensor([[0] * len(prompt) + [1] * len(response) for prompt, response in rows])
        loss = -response_log_probs(model, ids, torch.ones_like(ids), mask).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
