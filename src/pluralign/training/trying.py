"""A model on which a setting was tried, judged by the referee of its condition."""

from __future__ import annotations

import warnings

import numpy as np

from pluralign.language_models import conversation, generate
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.results import ADAPTER, read_done
from pluralign.training.reward_features import hidden_states
from pluralign.training.reward_models import RewardModel
from pluralign.training.search import Outcome


def judged(run: PlannedRun, referee: RewardModel, materials: Materials) -> Outcome:
    """What came of the try: the model answers the prompts that are set aside, and the referee says how good that is.

    A response's score is its reward in log odds of a more desirable rating, the objective's weighted mean over
    dimensions.
    """
    import torch
    from peft import PeftModel

    aside, done = run.aside, read_done(run.folder)
    assert aside is not None
    assert done is not None
    asked = [conversation(text) for text in aside.prompts.values() for _ in range(aside.samples)]
    with materials.base(run) as (model, tokenizer), warnings.catch_warnings():
        # The libraries' notes to each other; failures come as exceptions.
        warnings.simplefilter("ignore")
        tuned = PeftModel.from_pretrained(model, str(run.folder / ADAPTER), local_files_only=True).eval()
        with torch.autocast(tuned.device.type, torch.bfloat16, enabled=tuned.dtype == torch.bfloat16):
            replies = generate(tuned, tokenizer, asked, aside.sampling)
        tokeniser = materials.tokeniser(run)
        answers = [tokeniser.answered(list(turns), reply.text) for turns, reply in zip(asked, replies, strict=True)]
        states = hidden_states(tuned, answers)
    weights = np.array([run.objective[dimension] for dimension in referee.heads])
    rewards = np.stack([referee.reward(dimension, states) for dimension in referee.heads])
    scores = (weights @ rewards / weights.sum()).reshape(len(aside.prompts), aside.samples).mean(axis=1)
    return Outcome(
        {prompt: round(float(score), 6) for prompt, score in zip(aside.prompts, scores, strict=True)},
        tokens=float(np.mean([reply.tokens for reply in replies])),
        divergence=float(done["kl"]["per_token"]),
    )
