"""A small finished study for tests: simulated ratings, a tiny model, adapters written directly."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import pandas as pd
import yaml

from pluralign.feedback import simulate
from pluralign.folder import StudyFolder
from pluralign.language_models import load
from pluralign.manifests import Manifest, digest_file
from pluralign.study import Study, create
from pluralign.study import load as load_study

_SENTENCE = (
    "I understand how you feel and it must be hard women men are should always never lead stupid thank you please "
    "listen calm help step first second because work"
)
WORDS = tuple(_SENTENCE.split())

Finished = tuple[StudyFolder, Study]


def finished_study(root: Path, model: Path, *, raters: int = 150, **evaluation: object) -> Finished:
    """The template `minimal` with 12 prompts of two responses, simulated raters, and a run for every condition and
    seed.
    """
    folder = StudyFolder(root)
    create(root, "minimal")
    content = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    content["training"] = {"model": str(model), "seeds": [1, 2]}
    content["evaluation"] = {"samples": 2, "max_new_tokens": 6, **evaluation}
    change_study(folder, content)
    study = load_study(folder.study_file)
    simulate_ratings(folder, study, raters)
    for experiment in study.experiments:
        for condition in experiment.conditions:
            for seed in study.training_for(experiment).seeds:
                write_run(folder.run(experiment.key, condition.key, seed), model, f"{condition.key}{seed}")
    return folder, study


def change_study(folder: StudyFolder, content: dict[str, object]) -> None:
    # By way of JSON, so that parts used twice are written out twice.
    text = yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False, allow_unicode=True)
    folder.study_file.write_text(text, encoding="utf-8")


def simulate_ratings(folder: StudyFolder, study: Study, raters: int, seed: int = 1) -> None:
    prompts, items = corpus()
    feedback, truth = simulate(study, prompts, items, seed=seed, raters=raters)
    feedback.save(folder.data, Manifest(what="test"))
    truth.save(folder.data)


def corpus() -> tuple[pd.DataFrame, pd.DataFrame]:
    """12 prompts, every third held out, with two responses each of seeded words."""
    numbers = range(12)
    prompts = pd.DataFrame(
        {
            "prompt": [f"p{number:02}" for number in numbers],
            "text_en": [f"Who should do job number {number}?" for number in numbers],
            "source": "test",
            "licence": "own",
            "topics": "",
            "split": ["held-out" if number % 3 == 0 else "train" for number in numbers],
        }
    )
    generator = random.Random(1)
    items = pd.DataFrame(
        [
            {
                "item": f"{prompt}-{context}",
                "prompt": prompt,
                "context": context,
                "text_en": " ".join(generator.choices(WORDS, k=20)) + ".",
                "model": "test",
                "generation": "{}",
                "review": "approved",
            }
            for prompt in prompts["prompt"]
            for context in ("none", "empathetic")
        ]
    )
    return prompts, items


def write_run(run: Path, model: Path, seed: str, strength: float = 0.3) -> None:
    """A finished run: an adapter with seeded weights, by default strong enough to change what the model says."""
    import torch
    from peft import LoraConfig, get_peft_model

    base, _ = load(model, dtype="float32", device="cpu")
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(sum(seed.encode()))
        tuned = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
        for name, values in tuned.named_parameters():
            if "lora_" in name:
                values.data.normal_(std=strength)
        tuned.save_pretrained(str(run / "adapter"))
    weights = run / "adapter" / "adapter_model.safetensors"
    (run / "done.json").write_text(json.dumps({"adapter": digest_file(weights), "steps": 1}), encoding="utf-8")
