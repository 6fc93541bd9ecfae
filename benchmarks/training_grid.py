"""A grid of eight DPO conditions against a loop over plain TRL: the same losses, and how long either takes.

Both tune SmolLM2 in float32 on the demo corpus: the same rows in the same batches, the same adapter, schedule and seed.
TRL's loop is what one would write without pluralign. It is timed twice: with TRL's own defaults, and made as quick as
its options allow without changing what it computes (`--hurried`): activations kept rather than computed twice.
Conditions differ in which of two responses is preferred. Time is that of the processor (all threads) beside that of the
clock, for other work on the machine counts in the latter only.

Run: python benchmarks/training_grid.py [--steps 24] [--batch 2] [--hurried]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pandas as pd

from pluralign.corpus.demo import load_demo
from pluralign.folder import StudyFolder
from pluralign.language_models import load, resolve
from pluralign.manifests import Manifest
from pluralign.preferences import to_trl
from pluralign.records import ITEMS, PAIRS, PROMPTS, write
from pluralign.study import Study, parse
from pluralign.training import train
from pluralign.training.rows import Row, ordered
from pluralign.training.tuning.log import read_log

CONDITIONS = [f"c{number}" for number in range(8)]
PAIRS_PER_CONDITION = 12
STUDY = """
version: 1
name: benchmark
title: {{en: Benchmark}}
languages: [en]
dimensions:
  - {{key: kindness, desirable: high, label: {{en: Kind}}, statement: {{en: It is kind.}}, definition: {{en: Kind.}}}}
scale: {{labels: [{{en: no}}, {{en: yes}}]}}
analysis: {{formula: rating ~ 1 + (1 | rater)}}
training:
  {{steps: {steps}, batch_size: {batch}, learning_rate: 0.0001, max_length: 512, precision: float32, seeds: [1]}}
experiments:
  - {{key: grid, objective: {{kindness: 1.0}}, conditions: [{conditions}]}}
"""


def study(steps: int, batch: int) -> Study:
    conditions = ", ".join(f"{{key: {key}, policy: preserve, scale: 2}}" for key in CONDITIONS)
    return parse(STUDY.format(steps=steps, batch=batch, conditions=conditions))


def made(root: Path) -> tuple[StudyFolder, dict[str, pd.DataFrame]]:
    """A study folder on the demo corpus, and the texts of every condition's pairs."""
    folder = StudyFolder(root)
    prompts, items = load_demo()
    write(prompts, folder.data / "prompts.parquet", PROMPTS, Manifest(what="prompts"))
    write(items, folder.data / "items.parquet", ITEMS, Manifest(what="items"))
    couples = [tuple(group["item"].iloc[:2]) for _, group in items.groupby("prompt") if len(group) > 1]
    texts = {}
    for number, key in enumerate(CONDITIONS):
        turned = random.Random(number)
        chosen = [couple if turned.random() < 0.5 else couple[::-1] for couple in couples[:PAIRS_PER_CONDITION]]
        pairs = pd.DataFrame(chosen, columns=["chosen", "rejected"])
        pairs = pairs.assign(
            pair=pairs["chosen"] + ">" + pairs["rejected"],
            prompt=items.set_index("item").loc[pairs["chosen"], "prompt"].to_numpy(),
            objective='{"kindness": 1.0}',
            p=1.0,
            weight=1.0,
            n_chosen=1,
            n_rejected=1,
            comparisons=1,
            ties=0,
            within_rater=0,
            policy="preserve",
        )
        write(pairs, folder.pairs("grid", key), PAIRS, Manifest(what="pairs"))
        table = to_trl(pairs, prompts, items, "en")
        texts[key] = table.assign(chosen_item=pairs["chosen"], rejected_item=pairs["rejected"])
    return folder, texts


def by_trl(
    texts: dict[str, pd.DataFrame], root: Path, steps: int, batch: int, options: dict[str, Any]
) -> dict[str, list[float]]:
    """Losses of a loop over TRL's own trainer, with ``options`` beside what decides the losses."""
    return {key: one_by_trl(table, root / key, steps, batch, options) for key, table in texts.items()}


def one_by_trl(table: pd.DataFrame, place: Path, steps: int, batch: int, options: dict[str, Any]) -> list[float]:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = load(resolve("smollm2"), dtype="float32", device="cpu")
    rows = [Row(c, r, (), (), (), 1.0, 1.0) for c, r in zip(table["chosen_item"], table["rejected_item"], strict=True)]
    texts = table.set_index("chosen_item")[["prompt", "chosen", "rejected"]]
    stream = texts.loc[[row.chosen for row in ordered(rows, 1, steps * batch)]].to_dict("records")
    trainer = DPOTrainer(
        model=model,
        args=DPOConfig(
            output_dir=str(place),
            max_steps=steps,
            per_device_train_batch_size=batch,
            learning_rate=1e-4,
            warmup_steps=0.1,
            max_length=512,
            seed=1,
            bf16=False,
            use_cpu=True,
            train_sampling_strategy="sequential",
            dataloader_pin_memory=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **options,
        ),
        train_dataset=Dataset.from_list(stream),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    trainer.train()
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds of the processor, seconds of the clock."""
    processor, clock = time.process_time(), time.monotonic()
    result = work()
    return result, time.process_time() - processor, time.monotonic() - clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--hurried", action="store_true", help="time TRL without its activation checkpoints as well")
    options = parser.parse_args()
    resolve("smollm2")
    import trl.trainer.dpo_trainer  # noqa: F401 - imported by both, counted by neither

    peers: dict[str, dict[str, Any]] = {"TRL's defaults": {}}
    if options.hurried:
        peers["TRL, activations kept"] = {"activation_checkpointing": False}
    print(f"8 conditions, {options.steps} steps of {options.batch} pairs, SmolLM2, float32", flush=True)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder, texts = made(root / "study")
        _, ours, ours_clock = timed(lambda: train(folder, study(options.steps, options.batch)))
        losses = {key: [line["loss"] for line in read_log(folder.run("grid", key, 1))] for key in CONDITIONS}
        print(f"pluralign: {ours:.0f} s of the processor, {ours_clock:.0f} s", flush=True)
        for peer, given in peers.items():
            theirs, spent, clock = timed(partial(by_trl, texts, root / "trl", options.steps, options.batch, given))
            apart = max(abs(a - b) for key in CONDITIONS for a, b in zip(losses[key], theirs[key], strict=True))
            print(
                f"{peer}: {spent:.0f} s of the processor, {clock:.0f} s; losses {apart:.1e} apart at most; pluralign "
                f"is {spent / ours:.2f} times as fast by the processor, {clock / ours_clock:.2f} by the clock",
                flush=True,
            )


if __name__ == "__main__":
    main()
