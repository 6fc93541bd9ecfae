"""The judges that a study names, each made or known to be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pluralign.evaluation.judge import Judge
from pluralign.evaluation.judging import AnyJudge, OrdinalJudge
from pluralign.study import JudgeSettings, Study

TRAINED = ("judge", "dimension", "trained_on_ratings", "trained_on_texts", "trained_on_raters", "prior_sd")


def judge_of(settings: JudgeSettings, study: Study, trained: Callable[[], OrdinalJudge], place: Path) -> AnyJudge:
    """The judge of these settings. ``trained`` gives the one that learnt from ratings; ``place``: the folder of the
    judge.

    Raises a PluralignError where it cannot be made: JudgeError without ratings, ConfigError for an unknown plug-in or
    an address that is none, ModelError for an unknown model.
    """
    if settings.kind == "ordinal-embedding":
        return replace(trained(), key=settings.key)
    if settings.kind == "plug-in":
        from pluralign.evaluation.plug_ins import plug_in_judge

        return plug_in_judge(settings.key, settings.plug_in or "", study)
    from pluralign.evaluation.language_judges import local_judge, served_judge

    return (served_judge if settings.kind == "served" else local_judge)(settings, study, place)


def trained_on(judge: Judge) -> dict[str, dict[str, object]]:
    """What each head was learnt from, by dimension."""
    return {
        dimension: {
            "trained_on_ratings": head.ratings,
            "trained_on_texts": head.texts,
            "trained_on_raters": head.raters,
            "prior_sd": head.model.prior_sd,
        }
        for dimension, head in judge.heads.items()
    }
