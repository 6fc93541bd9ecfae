"""The study as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

from pluralign.errors import ConfigError
from pluralign.study.base import Language, Model, Slug, Text, Whole, is_language
from pluralign.study.checks import problems
from pluralign.study.corpus import Corpus
from pluralign.study.evaluation import Evaluation
from pluralign.study.experiments import Experiment, Training
from pluralign.study.fielding import Fielding
from pluralign.study.instrument import AttentionCheck, Context, Demographic, Dimension, Scale, Texts
from pluralign.study.plans import Analysis, Recruitment, Simulation
from pluralign.study.problems import MistakesError
from pluralign.study.training import changed

Keyed = TypeVar("Keyed", Dimension, Context, Demographic, Experiment)


class Study(Model):
    """One study: what raters are asked, how the ratings are analysed, which experiments are run on them."""

    version: Literal[1] = Field(description="Version of the study file's format.")
    name: Slug = Field(description="Short name of the study.")
    title: Text = Field(description="Title of the study.")
    languages: tuple[Language, ...] = Field(
        min_length=1, description="Languages of the study; every text must be given in each of them."
    )
    texts: Texts = Field(default=Texts(), description="Texts of the survey around the questions.")
    first_question: Text | None = Field(
        default=None, description="Question with the answers yes and no, asked first about every response."
    )
    dimensions: tuple[Dimension, ...] = Field(min_length=1, description="What every response is rated on.")
    scale: Scale = Field(description="The answers offered to every statement.")
    contexts: tuple[Context, ...] = Field(default=(), description="Perspectives under which responses are generated.")
    corpus: Corpus = Field(default=Corpus(), description="How prompts become items that raters see.")
    demographics: tuple[Demographic, ...] = Field(
        default=(), description="Questions about the rater, in the order asked."
    )
    attention_checks: tuple[AttentionCheck, ...] = Field(
        default=(), description="Items that show whether a rater reads."
    )
    items_per_rater: Whole = Field(default=5, ge=1, description="Responses that each rater rates.")
    recruitment: Recruitment | None = Field(default=None, description="Where raters come from and how many are wanted.")
    fielding: Fielding = Field(default=Fielding(), description="How the survey hands out items.")
    analysis: Analysis = Field(description="The model fitted to the ratings of each dimension.")
    simulation: Simulation | None = Field(default=None, description="Simulated raters with planted effects.")
    training: Training = Field(default=Training(), description="How models are tuned.")
    evaluation: Evaluation = Field(default=Evaluation(), description="How tuned models are compared.")
    experiments: tuple[Experiment, ...] = Field(default=(), description="What is compared with what.")

    @model_validator(mode="before")
    @classmethod
    def _train_in_the_first_language(cls, data: Any) -> Any:
        """Fill in the language of training, which has no default that fits every study."""
        if not isinstance(data, dict):
            return data
        languages, training = data.get("languages"), data.get("training", {})
        if not isinstance(languages, list | tuple) or not isinstance(training, dict):
            return data
        if not languages or not is_language(languages[0]):
            return data
        return {**data, "training": {"language": languages[0], **training}}

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        """Check what no part can check alone."""
        if found := list(problems(self)):
            raise MistakesError(found)
        return self

    @property
    def points(self) -> int:
        """Number of points of the scale."""
        return len(self.scale.labels)

    @property
    def dimension_keys(self) -> tuple[str, ...]:
        """Keys of the dimensions, in the order of the file."""
        return tuple(dimension.key for dimension in self.dimensions)

    @property
    def demographic_keys(self) -> tuple[str, ...]:
        """Keys of the demographics, in the order asked."""
        return tuple(demographic.key for demographic in self.demographics)

    @property
    def context_keys(self) -> tuple[str, ...]:
        """Keys of the perspectives, in the order of the file."""
        return tuple(context.key for context in self.contexts)

    def dimension(self, key: str) -> Dimension:
        """The dimension of this key; ConfigError lists what there is."""
        return _find(self.dimensions, key, "dimension")

    def context(self, key: str) -> Context:
        """The perspective of this key; ConfigError lists what there is."""
        return _find(self.contexts, key, "context")

    def demographic(self, key: str) -> Demographic:
        """The demographic of this key; ConfigError lists what there is."""
        return _find(self.demographics, key, "demographic")

    def experiment(self, key: str) -> Experiment:
        """The experiment of this key; ConfigError lists what there is."""
        return _find(self.experiments, key, "experiment")

    def training_for(self, experiment: Experiment | str) -> Training:
        """The training of one experiment: `training`, with what the experiment does otherwise."""
        if isinstance(experiment, str):
            experiment = self.experiment(experiment)
        return changed(self.training, experiment.training)


def _find(parts: Sequence[Keyed], key: str, what: str) -> Keyed:
    for part in parts:
        if part.key == key:
            return part
    known = ", ".join(part.key for part in parts) or f"none, the study has no {what}s"
    raise ConfigError(f'The study has no {what} "{key}"; allowed: {known}.')
