"""Models on which settings were tried, judged by the referee of their condition."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np

from pluralign.language_models import Generated, Parts, conversation, generate, load_tuned
from pluralign.manifests import digest_of
from pluralign.training.materials import Materials
from pluralign.training.plans import PlannedRun
from pluralign.training.results import ADAPTER, read_done
from pluralign.training.rewards.features import hidden_states
from pluralign.training.rewards.models import RewardModel
from pluralign.training.search import Outcome

# Replies sampled together. Part of what a reply depends on, so one number for all machines.
_BATCH_SIZE = 32
_PARTS = "answers"


def answers(run: PlannedRun) -> list[Generated]:
    """What the tried model answers to the prompts that are set aside, prompt by prompt. Finished batches are kept in
    its folder until `forget_answers`, so that a stopped call goes on where it was.

    Raises ConvergenceError where its weights give no numbers.
    """
    aside, done = run.aside, read_done(run.folder)
    assert aside is not None
    assert done is not None
    model, tokenizer = load_tuned(run.model, run.folder / ADAPTER, **run.manifest.config["arithmetic"])
    parts = Parts(run.folder / _PARTS, digest_of([run.manifest.inputs["base model"], done["adapter"]]))
    return generate(model, tokenizer, _asked(run), aside.sampling, batch_size=_BATCH_SIZE, parts=parts)


def forget_answers(run: PlannedRun) -> None:
    """Remove what `answers` has kept."""
    shutil.rmtree(run.folder / _PARTS, ignore_errors=True)


def judged(run: PlannedRun, replies: Sequence[Generated], referee: RewardModel, materials: Materials) -> Outcome:
    """What came of the try, as the referee says of the replies.

    A reply's score is its reward in log odds of a more desirable rating, the objective's weighted mean over dimensions.
    """
    aside, done, tokeniser = run.aside, read_done(run.folder), materials.tokeniser(run)
    assert aside is not None
    assert done is not None
    read = [tokeniser.answered(turns, reply.text) for turns, reply in zip(_asked(run), replies, strict=True)]
    with materials.base(run) as (model, _):
        states = hidden_states(model, read)
    weights = np.array([run.objective[dimension] for dimension in referee.heads])
    rewards = np.stack([referee.reward(dimension, states) for dimension in referee.heads])
    scores = (weights @ rewards / weights.sum()).reshape(len(aside.prompts), aside.samples).mean(axis=1)
    return Outcome(
        {prompt: round(float(score), 6) for prompt, score in zip(aside.prompts, scores, strict=True)},
        tokens=float(np.mean([reply.tokens for reply in replies])),
        divergence=float(done["kl"]["per_token"]),
    )


def _asked(run: PlannedRun) -> list[list[dict[str, str]]]:
    assert run.aside is not None
    return [conversation(text) for text in run.aside.prompts.values() for _ in range(run.aside.samples)]
