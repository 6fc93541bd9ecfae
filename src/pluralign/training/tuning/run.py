"""One run: from rows to an adapter."""

from __future__ import annotations

import gc
import logging
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
from pluralign.manifests import write_manifest
from pluralign.progress import Progress
from pluralign.training.changes import with_rows
from pluralign.training.engines import processes
from pluralign.training.failures import FILE as FAILED
from pluralign.training.failures import begins_anew
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.reference import Scores
from pluralign.training.results import ADAPTER, write_done
from pluralign.training.rows import Row
from pluralign.training.settings import trainer_arguments
from pluralign.training.tuning import checkpoints, log
from pluralign.training.tuning.adapters import put_weights, save_adapter
from pluralign.training.tuning.divergence import divergence

_CHECKPOINTS = "checkpoints"
_WARM_UP = "warm-up"


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run with its rows in the order of training, ``warm_up`` those of the warm-up; ``too_long`` were left out."""

    plan: PlannedRun
    stream: list[Row]
    warm_up: list[Row]
    too_long: int

    @property
    def seen(self) -> int:
        """Rows seen at least once."""
        paired = self.plan.training.method != "kto"
        return len({(row.chosen, row.rejected if paired else "") for row in self.stream})


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run: ``method`` on ``stream`` for ``steps``, after ``before`` steps of the whole run; ``place`` holds
    its checkpoints.
    """

    method: str
    stream: list[Row]
    steps: int
    before: int
    place: Path


def tune(run: PreparedRun, materials: Materials, progress: Progress) -> None:
    """Do what is left of the run; afterwards its folder holds ``adapter`` and ``done.json`` and no checkpoint.

    Raises ConvergenceError, which also stands in the log, where the loss is not a number. Where going on from the last
    checkpoint would end in the same way, what was done is put away and the next call begins anew. Where several
    processes do the run together, each calls this, and only the main one writes to the folder.
    """
    folder, main = run.plan.folder, processes.is_main()
    if main:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FAILED).unlink(missing_ok=True)
        write_manifest(folder, with_rows(run.plan.manifest, too_long=run.too_long, seen=run.seen))
    try:
        with _own_randomness(), _quiet_libraries():
            apart = _in_phases(run, materials, progress)
    except Exception as error:
        if main and begins_anew(error):
            put_away(folder)
        if main and isinstance(error, ConvergenceError):
            done = [line["step"] for line in log.read_log(folder)]
            log.append(folder, {"step": max(done, default=0) + 1, "error": str(error)})
        if isinstance(error, ConvergenceError):
            raise ConvergenceError(
                f"{folder}: {error}. Lower training.learning_rate (it is {run.plan.training.learning_rate:g}) and run "
                "the same command again."
            ) from error
        raise
    if not main:
        return
    steps = [line for line in log.read_log(folder) if "loss" in line]
    write_done(
        folder,
        steps=len(steps),
        tokens=_tokens(run, steps),
        first_loss=steps[0]["loss"],
        last_loss=steps[-1]["loss"],
        kl=apart,
    )
    _remove_unfinished(folder)


def _tokens(run: PreparedRun, steps: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of all texts that were read, as often as they were; TRL counts those of prompts and sampled responses."""
    sampled = [int(step["num_tokens"]) for step in steps if "num_tokens" in step]
    warm_up = sum(row.together for row in run.warm_up)
    return warm_up + (sampled[-1] if sampled else sum(row.together for row in run.stream))


def steps_left(run: PlannedRun) -> int:
    """Steps that the run has still to do."""
    training = run.training
    checkpoint = checkpoints.latest(run.folder / _CHECKPOINTS)
    if checkpoint is not None:
        return training.steps - checkpoints.steps_of(checkpoint)
    if not warm_up_steps(run) or (run.folder / _WARM_UP / ADAPTER).is_dir():
        return training.steps
    begun = checkpoints.latest(run.folder / _WARM_UP)
    return training.steps + training.warm_up_steps - (checkpoints.steps_of(begun) if begun else 0)


def warm_up_steps(run: PlannedRun) -> int:
    """Steps of the warm-up, of which `sft` has none: it does nothing else."""
    return int(run.manifest.config["settings"].get("warm_up_steps", 0))


def put_away(folder: Path) -> None:
    """Leave of a run only its log: another setting may then be tried without a word about what was there before."""
    _remove_unfinished(folder)
    (folder / "manifest.json").unlink(missing_ok=True)


def _remove_unfinished(folder: Path) -> None:
    for name in (_CHECKPOINTS, _WARM_UP):
        shutil.rmtree(folder / name, ignore_errors=True)


def _in_phases(run: PreparedRun, materials: Materials, progress: Progress) -> dict[str, float]:
    """Warm-up, if there is one, and the method itself; return how far the model moved from the reference model."""
    plan = run.plan
    warm, before = plan.folder / _WARM_UP, warm_up_steps(plan)
    if before and not (warm / ADAPTER).is_dir():
        phase = Phase("sft", run.warm_up, before, 0, warm)
        with materials.base(plan) as (model, tokenizer):
            trainer = _optimise(run, phase, materials, model, tokenizer, progress)
            if processes.is_main():
                save_adapter(trainer.model, plan, warm / ADAPTER)
            del trainer
    phase = Phase(plan.training.method, run.stream, plan.training.steps, before, plan.folder / _CHECKPOINTS)
    with materials.base(plan) as (model, tokenizer):
        trainer = _optimise(run, phase, materials, model, tokenizer, progress)
        apart = {}
        if processes.is_main():
            save_adapter(trainer.model, plan, plan.folder / ADAPTER)
        if processes.reads(model):
            apart = divergence(trainer.model, tokenizer, plan.asked, plan.key.seed)
        del trainer
    gc.collect()
    return apart


def _optimise(
    run: PreparedRun, phase: Phase, materials: Materials, model: Any, tokenizer: Any, progress: Progress
) -> Any:
    """The trainer after its last step."""
    folder = run.plan.folder
    processes.wait()
    trainer = _trainer(run, phase, materials, model, tokenizer)
    if phase.before:
        put_weights(trainer.model, folder / _WARM_UP / ADAPTER)
    # Looked at by all processes before the main one goes on to write there.
    checkpoint = checkpoints.latest(phase.place)
    processes.wait()
    if processes.is_main():
        log.rewind(folder, phase.before + (checkpoints.steps_of(checkpoint) if checkpoint else 0))
    trainer.add_callback(_step_reporter(run.plan, phase, progress))
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except OSError as error:
        raise PluralignError(
            f"{folder}: the run could not be saved ({error.strerror or error}). Make room, then run the same command "
            "again; it goes on from the last checkpoint."
        ) from error
    return trainer


def _trainer(run: PreparedRun, phase: Phase, materials: Materials, model: Any, tokenizer: Any) -> Any:
    from peft import LoraConfig
    from transformers import PrinterCallback

    made = run.plan.manifest.config["settings"]
    adapter = LoraConfig(
        r=made["lora_rank"],
        lora_alpha=made["lora_alpha"],
        target_modules=made["lora_targets"],
        task_type="CAUSAL_LM",
    )
    if phase.method in ("grpo", "rloo"):
        trainer = _sampling_trainer(run.plan, phase, materials, model, tokenizer, adapter)
    else:
        trainer = _pair_trainer(run.plan, phase, materials.scores(run.plan), model, tokenizer, adapter)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _pair_trainer(plan: PlannedRun, phase: Phase, reference: Scores, model: Any, tokenizer: Any, adapter: Any) -> Any:
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig

    from pluralign.training.tuning.layout import shares_prompts
    from pluralign.training.tuning.objectives import objective
    from pluralign.training.tuning.trainer import PairCollator, PairTrainer

    made, arithmetic = plan.manifest.config["settings"], plan.manifest.config["arithmetic"]
    shared = shares_prompts(model.config)
    batch = len(phase.stream) // phase.steps // processes.number()
    arguments = trainer_arguments(
        made,
        arithmetic,
        seed=plan.key.seed,
        steps=phase.steps,
        batch=batch,
        tokens=batch * max(row.together if shared else 2 * row.length for row in phase.stream),
    )
    return PairTrainer(
        model=model,
        objective=objective(made, phase.method),
        args=DPOConfig(output_dir=str(phase.place), **arguments),
        data_collator=PairCollator(tokenizer.pad_token_id, shared=shared),
        train_dataset=Dataset.from_list(_examples(phase.stream, reference)),
        processing_class=tokenizer,
        peft_config=adapter,
    )


def _sampling_trainer(
    plan: PlannedRun, phase: Phase, materials: Materials, model: Any, tokenizer: Any, adapter: Any
) -> Any:
    from datasets import Dataset

    from pluralign.training.tuning.sampling import rewards_of, sampling_trainer

    made = plan.manifest.config["settings"]
    responses = 2 * made["batch_size"]
    longest = max(len(row.prompt_ids) for row in phase.stream) + made["response_tokens"]
    common = trainer_arguments(
        made,
        plan.manifest.config["arithmetic"],
        seed=plan.key.seed,
        steps=phase.steps,
        batch=responses // processes.number(),
        tokens=responses // processes.number() * longest,
    )
    reward = materials.rewards[plan.key.experiment, plan.key.condition]
    asked = dict(zip(plan.pairs["prompt"], plan.table["prompt"], strict=True))
    trainers: list[Any] = []
    trainer = sampling_trainer(
        made,
        common,
        phase.place,
        rewards_of(reward, lambda: trainers[0].accelerator.unwrap_model(trainers[0].model), materials.tokeniser(plan)),
        [plan.objective[dimension] for dimension in reward.heads],
        model=model,
        train_dataset=Dataset.from_list([{"prompt": list(asked[row.chosen])} for row in phase.stream]),
        processing_class=tokenizer,
        peft_config=adapter,
    )
    trainers.append(trainer)
    return trainer


def _examples(stream: Sequence[Row], reference: Scores) -> list[dict[str, Any]]:
    return [
        {
            "prompt_ids": list(row.prompt_ids),
            "first_ids": list(row.chosen_ids),
            "second_ids": list(row.rejected_ids),
            "reference_first": reference[row.prompt_ids, row.chosen_ids],
            "reference_second": reference[row.prompt_ids, row.rejected_ids],
            "p": row.p,
            "weight": row.weight,
        }
        for row in stream
    ]


def _step_reporter(plan: PlannedRun, phase: Phase, progress: Progress) -> Any:
    """A callback that writes each step's line of the log and moves the progress on."""
    from transformers import TrainerCallback

    class StepReporter(TrainerCallback):
        def __init__(self) -> None:
            self._began = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:  # noqa: ARG002
            if logs is None or "loss" not in logs or not processes.is_main():
                return
            now = time.monotonic()
            line = {name: value for name, value in logs.items() if name != "epoch"}
            step = phase.before + state.global_step
            log.append(
                plan.folder, {"step": step, "method": phase.method, **line, "seconds": round(now - self._began, 3)}
            )
            self._began = now
            progress.advance(note=f"{plan.key}, loss {logs['loss']:.3f}")

    return StepReporter()


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
