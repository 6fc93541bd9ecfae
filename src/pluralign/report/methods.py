"""The section on how the numbers were made and on what they rest."""

from __future__ import annotations

from pluralign.report import people
from pluralign.report.blocks import Points, Section
from pluralign.report.sources import Sources
from pluralign.study.evaluation import ORDINAL_EMBEDDING
from pluralign.study.training import reads


def section(sources: Sources) -> Section:
    """A statement per method and assumption, for the stages that have run."""
    points: list[str] = []
    if "fits" in sources.analysis:
        points += _analysis(sources)
    if sources.preferences is not None:
        points += _preferences(sources)
    if sources.evaluation:
        points += _evaluation(sources)
    if people.simulated_share(sources) > 0:
        points.append(sources.say("methods.simulation"))
    return Section("methods", sources.say("methods.title"), (Points(points),) if points else ())


def _analysis(sources: Sources) -> list[str]:
    say, settings = sources.say, sources.study.analysis
    points = [say("methods.model", formula=settings.formula), say("methods.odds")]
    if settings.categories:
        joined = " | ".join(" + ".join(sources.labels.value(value) for value in group) for group in settings.categories)
        points.append(say("methods.categories", categories=joined))
    if settings.merges:
        merged = ", ".join(sources.labels.demographic(key) for key in settings.merges)
        points.append(say("methods.merges", demographics=merged))
    points.append(say("methods.undeclared" if settings.drop_undeclared else "methods.undeclared_kept"))
    return [*points, say("methods.holm"), say("methods.alpha")]


def _preferences(sources: Sources) -> list[str]:
    evaluation = sources.study.evaluation
    share = sources.numbers.percent(100 * evaluation.judge_raters, 0)
    return [sources.say("methods.split", share=share, seed=evaluation.seed), sources.say("methods.pairs")]


def _evaluation(sources: Sources) -> list[str]:
    study, say = sources.study, sources.say
    settings = study.evaluation
    return [
        *_tuning(sources),
        say(
            "methods.sampling",
            samples=settings.samples,
            tokens=settings.max_new_tokens,
            temperature=sources.numbers.decimal(settings.temperature),
            top_p=sources.numbers.decimal(settings.top_p),
        ),
        say("methods.judge" if settings.all_judges[0].kind == ORDINAL_EMBEDDING else "methods.other_judge"),
        say("methods.differences"),
    ]


def _tuning(sources: Sources) -> list[str]:
    study, say = sources.study, sources.say
    training = study.training
    names = ("steps", "batch_size", "learning_rate", "dpo_beta", "kl_beta", "lora_rank")
    settings = ", ".join(f"{name} {getattr(training, name):g}" for name in names if reads(training, name))
    method = say(f"methods.method_{training.method}")
    seeds = ", ".join(map(str, training.seeds))
    points = [say("methods.tuning", method=method, model=training.model, settings=settings, seeds=seeds)]
    searched = [experiment.key for experiment in study.experiments if experiment.search is not None]
    return [*points, say("methods.search", experiments=", ".join(searched))] if searched else points
