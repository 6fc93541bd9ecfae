"""One run: from rows to an adapter."""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pluralign.errors import ConvergenceError, PluralignError
from pluralign.language_models import load
from pluralign.manifests import write_manifest
from pluralign.progress import Progress
from pluralign.storage import write_json
from pluralign.training import checkpoints, log
from pluralign.training.changes import PlannedRun, with_rows
from pluralign.training.reference import Scores
from pluralign.training.results import ADAPTER, write_done
from pluralign.training.rows import Row
from pluralign.training.settings import trainer_arguments

_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run with its rows in the order of training; ``too_long`` were left out."""

    plan: PlannedRun
    stream: list[Row]
    too_long: int

    @property
    def seen(self) -> int:
        """Rows seen at least once."""
        return len({(row.chosen, row.rejected) for row in self.stream})


def tune(run: PreparedRun, reference: Scores, progress: Progress) -> None:
    """Do what is left of the run; afterwards its folder holds ``adapter`` and ``done.json`` and no checkpoint.

    Raises ConvergenceError, which also stands in the log, where the loss is not a number.
    """
    folder = run.plan.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, with_rows(run.plan.manifest, too_long=run.too_long, seen=run.seen))
    with _own_randomness(), _quiet_libraries():
        try:
            _optimise(run, reference, progress)
        except ConvergenceError as error:
            done = [line["step"] for line in log.read_log(folder)]
            log.append(folder, {"step": max(done, default=0) + 1, "error": str(error)})
            raise ConvergenceError(
                f"{folder}: {error}. Lower training.learning_rate (it is {run.plan.training.learning_rate:g}) and "
                "begin the run again with `pluralign train --restart`."
            ) from error
    steps = [line for line in log.read_log(folder) if "loss" in line]
    write_done(folder, steps=len(steps), first_loss=steps[0]["loss"], last_loss=steps[-1]["loss"])
    shutil.rmtree(folder / _CHECKPOINTS, ignore_errors=True)


def steps_left(run: PlannedRun) -> int:
    """Steps that the run has still to do."""
    checkpoint = checkpoints.latest(run.folder / _CHECKPOINTS)
    return run.training.steps - (checkpoints.steps_of(checkpoint) if checkpoint else 0)


def _optimise(run: PreparedRun, reference: Scores, progress: Progress) -> None:
    folder = run.plan.folder
    trainer = _trainer(run, reference)
    checkpoint = checkpoints.latest(folder / _CHECKPOINTS)
    log.rewind(folder, checkpoints.steps_of(checkpoint) if checkpoint else 0)
    trainer.add_callback(_step_reporter(run.plan, progress))
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except OSError as error:
        raise PluralignError(
            f"{folder}: the run could not be saved ({error.strerror or error}). Make room, then run the same command "
            "again; it goes on from the last checkpoint."
        ) from error
    _save_adapter(trainer.model, run.plan)
    del trainer
    gc.collect()


def _trainer(run: PreparedRun, reference: Scores) -> Any:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl.trainer.dpo_config import DPOConfig

    from pluralign.training.trainer import SoftLabelCollator, SoftLabelDPOTrainer

    plan = run.plan
    made, arithmetic = plan.manifest.config["settings"], plan.manifest.config["arithmetic"]
    model, tokenizer = load(plan.model, dtype=arithmetic["dtype"], device=arithmetic["device"])
    arguments = trainer_arguments(
        made,
        arithmetic,
        seed=plan.key.seed,
        save_steps=checkpoints.interval(made["steps"]),
        longest=max(row.length for row in run.stream),
    )
    trainer = SoftLabelDPOTrainer(
        model=model,
        args=DPOConfig(output_dir=str(plan.folder / _CHECKPOINTS), **arguments),
        data_collator=SoftLabelCollator(pad_token_id=tokenizer.pad_token_id, max_length=made["max_length"]),
        train_dataset=Dataset.from_list(_examples(run.stream, reference)),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=made["lora_rank"],
            lora_alpha=made["lora_alpha"],
            target_modules=made["lora_targets"],
            task_type="CAUSAL_LM",
        ),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _examples(stream: Sequence[Row], reference: Scores) -> list[dict[str, Any]]:
    return [
        {
            "prompt_ids": list(row.prompt_ids),
            "chosen_ids": list(row.chosen_ids),
            "rejected_ids": list(row.rejected_ids),
            "ref_chosen_logps": reference[row.prompt_ids, row.chosen_ids],
            "ref_rejected_logps": reference[row.prompt_ids, row.rejected_ids],
            "p": row.p,
            "weight": row.weight,
        }
        for row in stream
    ]


def _step_reporter(plan: PlannedRun, progress: Progress) -> Any:
    """A callback that writes each step's line of the log and moves the progress on."""
    from transformers import TrainerCallback

    class StepReporter(TrainerCallback):
        def __init__(self) -> None:
            self._began = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:  # noqa: ARG002
            if logs is None or "loss" not in logs:
                return
            now = time.monotonic()
            line = {name: value for name, value in logs.items() if name != "epoch"}
            log.append(plan.folder, {"step": state.global_step, **line, "seconds": round(now - self._began, 3)})
            self._began = now
            progress.advance(note=f"{plan.key}, loss {logs['loss']:.3f}")

    return StepReporter()


def _save_adapter(model: Any, plan: PlannedRun) -> None:
    """Write the adapter beside its place and rename it; equal weights give equal files on any machine."""
    import torch

    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
            raise ConvergenceError(f"weights of {name} are not numbers after the last step")
    place = plan.folder / ADAPTER
    beside = plan.folder / f".{ADAPTER}.{os.getpid()}.part"
    try:
        model.save_pretrained(str(beside), save_embedding_layers=False)
        (beside / "README.md").unlink(missing_ok=True)
        _make_portable(beside / "adapter_config.json", plan)
        shutil.rmtree(place, ignore_errors=True)
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _make_portable(file: Path, plan: PlannedRun) -> None:
    """Take this machine's paths and the accidental order of sets out of an adapter's configuration."""
    config = json.loads(file.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = plan.training.model if plan.training.model == "smollm2" else plan.model.name
    config["target_modules"] = sorted(config["target_modules"])
    write_json(config, file)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Leave the random states outside as they were: a trainer sets all of them to its seed."""
    import torch

    python, arrays = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep remarks of the libraries about themselves and each other off the screen; failures come as exceptions."""
    from transformers.utils import logging as remarks

    before = remarks.get_verbosity()
    remarks.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        remarks.set_verbosity(before)
