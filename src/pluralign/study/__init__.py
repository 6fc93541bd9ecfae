"""The study file: the one source of the survey, the analysis and the experiments."""

from pluralign.study.base import UNDECLARED, Text
from pluralign.study.corpus import Corpus
from pluralign.study.creation import TEMPLATES, create, json_schema, template_text
from pluralign.study.evaluation import Evaluation, JudgeSettings, PromptSet
from pluralign.study.experiments import Condition, Experiment, Search, Training, TrainingChanges
from pluralign.study.instrument import (
    AttentionCheck,
    ConsentPart,
    Context,
    Demographic,
    Dimension,
    HelpLine,
    Option,
    Scale,
    Texts,
)
from pluralign.study.loading import load, parse
from pluralign.study.model import Study
from pluralign.study.plans import Analysis, Pay, Quota, Recruitment, Simulation, Weights

__all__ = [
    "TEMPLATES",
    "UNDECLARED",
    "Analysis",
    "AttentionCheck",
    "Condition",
    "ConsentPart",
    "Context",
    "Corpus",
    "Demographic",
    "Dimension",
    "Evaluation",
    "Experiment",
    "HelpLine",
    "JudgeSettings",
    "Option",
    "Pay",
    "PromptSet",
    "Quota",
    "Recruitment",
    "Scale",
    "Search",
    "Simulation",
    "Study",
    "Text",
    "Texts",
    "Training",
    "TrainingChanges",
    "Weights",
    "create",
    "json_schema",
    "load",
    "parse",
    "template_text",
]
