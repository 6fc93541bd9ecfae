"""How models are tuned: for the study, for an experiment, for a condition."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pluralign.study.base import Language, Model, Number, Whole, Words

Positive = Annotated[Whole, Field(ge=1)]
NotNegative = Annotated[Whole, Field(ge=0)]
PositiveNumber = Annotated[Number, Field(gt=0)]
NotNegativeNumber = Annotated[Number, Field(ge=0)]
Seeds = Annotated[tuple[NotNegative, ...], Field(min_length=1)]

Method = Literal["dpo", "kto", "sft", "grpo", "rloo"]
Precision = Literal["auto", "float32", "bfloat16"]
Scaling = Literal["group", "none"]
DpoLoss = Literal[
    "sigmoid",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "apo_zero",
    "apo_down",
    "discopop",
    "aot",
    "aot_unpaired",
    "sft",
]
Smoothing = Annotated[Number, Field(gt=0, lt=0.5)]
SeveralResponses = Annotated[Whole, Field(ge=2)]

READ_BY: dict[str, tuple[Method, ...]] = {
    "dpo_loss": ("dpo",),
    "label_smoothing": ("dpo",),
    "dpo_beta": ("dpo", "kto"),
    "warm_up_steps": ("dpo", "kto", "grpo", "rloo"),
    "kl_beta": ("grpo", "rloo"),
    "responses_per_prompt": ("grpo", "rloo"),
    "response_tokens": ("grpo", "rloo"),
    "reward_scaling": ("grpo",),
}
"""The methods that read a setting; all methods read the others."""

SMOOTHED: tuple[DpoLoss, ...] = ("exo_pair", "robust", "aot", "aot_unpaired")
"""The losses that read ``label_smoothing``."""

WITHOUT_BETA: DpoLoss = "sft"
"""The loss that does not read ``dpo_beta``."""

OF_BATCHES: tuple[DpoLoss, ...] = ("aot", "aot_unpaired")
"""The losses that compare whole batches, so that a row can have neither a soft label nor a weight."""


class Training(Model):
    """How a model is tuned on preference pairs or on the ratings behind them."""

    model: Words = Field(default="smollm2", description="`smollm2`, or a folder with a Hugging Face model.")
    language: Language = Field(
        default="en", description="Language of the texts; if left out, the first of `languages`."
    )
    method: Method = Field(
        default="dpo",
        description="`dpo` learns from pairs, `kto` from single responses with ratings better or worse than neutral,"
        " `sft` imitates chosen responses; `grpo` and `rloo` sample responses and learn from a reward model of the"
        " ratings.",
    )
    steps: Positive = Field(default=40, description="Steps of the optimiser, beside those of the warm-up.")
    batch_size: Positive = Field(
        default=4, description="Pairs per step; methods without pairs take twice as many responses."
    )
    learning_rate: PositiveNumber = Field(default=1.0e-4, description="Highest learning rate.")
    dpo_loss: DpoLoss = Field(default="sigmoid", description="Loss of `method: dpo`, by TRL's name for it.")
    label_smoothing: Smoothing = Field(
        default=0.1, description="Share of labels taken to be wrong, by the losses exo_pair, robust, aot, aot_unpaired."
    )
    dpo_beta: PositiveNumber = Field(
        default=0.1, description="How strongly the tuned model is held to the reference model."
    )
    warm_up_steps: NotNegative = Field(
        default=0, description="Steps on chosen responses, as with `method: sft`, before those of the method."
    )
    kl_beta: NotNegativeNumber = Field(
        default=0.1, description="Reward that a nat of divergence from the reference model costs, in `grpo` and `rloo`."
    )
    responses_per_prompt: SeveralResponses = Field(
        default=4, description="Responses sampled to one prompt and compared with each other, in `grpo` and `rloo`."
    )
    response_tokens: Positive = Field(
        default=48, description="Tokens of a sampled response at most, in `grpo` and `rloo`."
    )
    reward_scaling: Scaling = Field(
        default="group",
        description="Whether `grpo` divides rewards by their standard deviation within a prompt's responses.",
    )
    lora_rank: Positive = Field(default=16, description="Rank of the low-rank adapter.")
    max_length: Positive = Field(default=192, description="Tokens of prompt and response together at most.")
    precision: Precision = Field(
        default="auto",
        description="Arithmetic of the multiplications; `auto` is bfloat16 where the hardware has it, else float32.",
    )
    seeds: Seeds = Field(default=(1, 2), description="Every condition is trained once with each seed.")


class ConditionTraining(Model):
    """What a condition does otherwise than its experiment; steps, batches, adapter and model are the same for all."""

    method: Method | None = Field(default=None, description="In place of `training.method`.")
    learning_rate: PositiveNumber | None = Field(default=None, description="In place of `training.learning_rate`.")
    dpo_loss: DpoLoss | None = Field(default=None, description="In place of `training.dpo_loss`.")
    label_smoothing: Smoothing | None = Field(default=None, description="In place of `training.label_smoothing`.")
    dpo_beta: PositiveNumber | None = Field(default=None, description="In place of `training.dpo_beta`.")
    warm_up_steps: NotNegative | None = Field(default=None, description="In place of `training.warm_up_steps`.")
    kl_beta: NotNegativeNumber | None = Field(default=None, description="In place of `training.kl_beta`.")
    responses_per_prompt: SeveralResponses | None = Field(
        default=None, description="In place of `training.responses_per_prompt`."
    )
    response_tokens: Positive | None = Field(default=None, description="In place of `training.response_tokens`.")
    reward_scaling: Scaling | None = Field(default=None, description="In place of `training.reward_scaling`.")


class _OtherModel(Model):
    """First of what an experiment may change, as it is first of `training`."""

    model: Words | None = Field(default=None, description="In place of `training.model`.")
    language: Language | None = Field(default=None, description="In place of `training.language`.")


class TrainingChanges(ConditionTraining, _OtherModel):
    """What an experiment does otherwise than `training`; what is left out is taken from there."""

    steps: Positive | None = Field(default=None, description="In place of `training.steps`.")
    batch_size: Positive | None = Field(default=None, description="In place of `training.batch_size`.")
    lora_rank: Positive | None = Field(default=None, description="In place of `training.lora_rank`.")
    max_length: Positive | None = Field(default=None, description="In place of `training.max_length`.")
    precision: Precision | None = Field(default=None, description="In place of `training.precision`.")
    seeds: Seeds | None = Field(default=None, description="In place of `training.seeds`.")


class TriedSettings(Model):
    """One of the settings that are tried; what is left out is as in the condition."""

    learning_rate: PositiveNumber | None = Field(default=None, description="In place of `training.learning_rate`.")
    dpo_beta: PositiveNumber | None = Field(
        default=None, description="In place of `training.dpo_beta`, for methods that read it."
    )
    kl_beta: NotNegativeNumber | None = Field(
        default=None, description="In place of `training.kl_beta`, for methods that read it."
    )
    warm_up_steps: NotNegative | None = Field(
        default=None, description="In place of `training.warm_up_steps`, for methods that read it."
    )


TRIED_SETTINGS = tuple(TriedSettings.model_fields)
"""What can be tried, by its name in the study file."""


class Search(Model):
    """An equal budget: the same number of settings is tried for every condition before its models are tuned."""

    settings: tuple[TriedSettings, ...] = Field(
        min_length=2, description="What is tried for every condition, each with all its settings that the method reads."
    )
    seeds: Seeds = Field(default=(1001,), description="Every setting is tried once with each; none of the models' own.")
    set_aside: Number = Field(
        default=0.25,
        gt=0,
        lt=1,
        description="Share of the train prompts that is kept from the tried models and on which they are compared.",
    )
    samples: Positive = Field(default=4, description="Responses of every tried model to each of these prompts.")
    max_new_tokens: Positive = Field(default=64, description="Tokens of such a response at most.")
    temperature: PositiveNumber = Field(default=0.8, description="Temperature at which they are sampled.")
    top_p: Number = Field(default=0.95, gt=0, le=1, description="Share of the probability from which tokens are drawn.")
    most_divergence: PositiveNumber | None = Field(
        default=None,
        description="Nats per token that a chosen model may be from the reference model; without it, any number.",
    )


def reads(training: Training, setting: str) -> bool:
    """Whether anything becomes of a setting of ``training`` under its method and loss."""
    if training.method not in READ_BY.get(setting, (training.method,)):
        return False
    if training.method == "dpo" and setting == "label_smoothing":
        return training.dpo_loss in SMOOTHED
    return not (training.method == "dpo" and setting == "dpo_beta" and training.dpo_loss == WITHOUT_BETA)


def stated(training: Training) -> dict[str, Any]:
    """The settings that decide what becomes of a model, apart from the model itself and the seeds: those that the
    method reads, as they stand in a manifest.
    """
    settings = training.model_dump(mode="json", exclude={"model", "seeds", "precision"})
    return {name: value for name, value in settings.items() if reads(training, name)}


def changed(training: Training, changes: ConditionTraining | TriedSettings | None) -> Training:
    """``training`` with what ``changes``, of an experiment, a condition or a search, states in its place."""
    return training if changes is None else training.model_copy(update=changes.model_dump(exclude_none=True))
