"""How tuned models are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pluralign.study.base import Key, Model, Number, Slug, Whole, Words
from pluralign.study.experiments import Positive, PositiveNumber

ORDINAL_EMBEDDING = "ordinal-embedding"


class PromptSet(Model):
    """Prompts beside the held-out ones that every model is asked as well."""

    key: Slug = Field(description="Name of the set, a folder in the results.")
    kind: Literal["off-topic", "over-refusal"] = Field(
        description="`off-topic` for prompts that have nothing to do with the study; `over-refusal` for harmless ones"
        " that sound harmful, as in XSTest: a refusal is then a mistake."
    )
    file: Words | None = Field(
        default=None,
        description="CSV file, from the study folder: columns `id` and `prompt`, or `prompt_en` and so on by language;"
        " of XSTest's `type` those that begin with contrast_ are left out. Without it, the shipped off-topic prompts.",
    )


class JudgeSettings(Model):
    """Something that stands in for raters of new responses."""

    key: Slug = Field(default=ORDINAL_EMBEDDING, description="Name of the judge in the results.")
    kind: Literal["ordinal-embedding", "served", "local", "plug-in"] = Field(
        default="ordinal-embedding",
        description="`ordinal-embedding` is an ordinal model on text embeddings, trained on ratings; `served` a model"
        " behind an OpenAI-compatible server; `local` a folder with a Hugging Face model; `plug-in` a classifier that"
        " another package brings.",
    )
    model: Words | None = Field(
        default=None, description="With `served` the model's name there, with `local` its folder or name."
    )
    address: Words | None = Field(
        default=None, description="With `served`, the address of the server up to and including /v1."
    )
    key_variable: Words | None = Field(
        default=None, description="With `served`, the environment variable that holds the server's key."
    )
    plug_in: Words | None = Field(
        default=None, description="With `plug-in`, its name among the entry points `pluralign.judges`."
    )
    max_new_tokens: Positive = Field(default=200, description="Tokens of a model's verdict at most.")


class Evaluation(Model):
    """How tuned models are compared with the base model on held-out prompts."""

    samples: Positive = Field(default=4, description="Responses per held-out prompt and model.")
    max_new_tokens: Positive = Field(default=64, description="Tokens of a response at most.")
    temperature: PositiveNumber = Field(default=0.8, description="Temperature of sampling.")
    top_p: Number = Field(default=0.95, gt=0, le=1, description="Share of the probability from which tokens are drawn.")
    prompts: tuple[PromptSet, ...] = Field(default=(), description="Prompts asked beside the held-out ones.")
    judge_raters: Number = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Share of the raters whose ratings train the judge; the others' train the models.",
    )
    judges: tuple[JudgeSettings, ...] = Field(
        default=(),
        description="Who judges the responses; the first one's word is the one the report leads with. If left out,"
        " `ordinal-embedding`.",
    )
    groups: Annotated[tuple[Key, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Demographics by which the judge predicts what each group would say of a model; if left out, all.",
    )
    min_raters: Positive = Field(default=10, description="Raters that a group must have for such a prediction.")
    permutations: Annotated[Whole, Field(ge=0)] = Field(
        default=199,
        description="Random regroupings of the raters behind the p value of conditions that differ in whose ratings"
        " count; 0 for none.",
    )
    frontier: tuple[Key, Key] | None = Field(
        default=None,
        description="Two dimensions set against each other, safety first; if left out, toxicity and"
        " emotional_awareness, or the first of the dimensions of which little, and the first of which much is wished.",
    )
    seed: Annotated[Whole, Field(ge=0)] = Field(
        default=0,
        description="Seed of sampling, of the split of the raters, of random halves, of matching, and of the prompts"
        " that are set aside.",
    )

    @property
    def all_judges(self) -> tuple[JudgeSettings, ...]:
        """The judges, at least one."""
        return self.judges or (JudgeSettings(),)

    @model_validator(mode="before")
    @classmethod
    def _one_judge(cls, data: Any) -> Any:
        """`judge: ordinal-embedding`, as it was written before there were others."""
        if isinstance(data, Mapping) and data.get("judge") == ORDINAL_EMBEDDING and "judges" not in data:
            return {name: value for name, value in data.items() if name != "judge"}
        return data
