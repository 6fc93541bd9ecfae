"""Checks of the evaluation: names it refers to, and judges that lack something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pluralign.study.evaluation import JudgeSettings
from pluralign.study.problems import Path, Problem, not_among, repeated

if TYPE_CHECKING:
    from pluralign.study.model import Study

_NEEDED = {"served": ("model", "address"), "local": ("model",), "plug-in": ("plug_in",), "ordinal-embedding": ()}
_READ = {
    "served": ("model", "address", "key_variable", "max_new_tokens"),
    "local": ("model", "max_new_tokens"),
    "plug-in": ("plug_in",),
}
_SETTINGS = ("model", "address", "key_variable", "plug_in", "max_new_tokens")
HELD_OUT = "held-out"


def evaluation_problems(study: Study, path: Path = ("evaluation",)) -> Iterator[Problem]:
    """Mistakes of how models are compared."""
    settings = study.evaluation
    for index, key in enumerate(settings.groups or ()):
        if key not in study.demographic_keys:
            yield not_among((*path, "groups", index), key, study.demographic_keys)
    for index, key in enumerate(settings.frontier or ()):
        if key not in study.dimension_keys:
            yield not_among((*path, "frontier", index), key, study.dimension_keys)
    if settings.frontier and settings.frontier[0] == settings.frontier[1]:
        yield Problem((*path, "frontier"), f"names {settings.frontier[0]} twice; two dimensions are set side by side")
    yield from repeated((*path, "prompts"), [one.key for one in settings.prompts], "key")
    for index, prompts in enumerate(settings.prompts):
        if prompts.key == HELD_OUT:
            yield Problem((*path, "prompts", index, "key"), f'is "{HELD_OUT}", the name of the study\'s own prompts')
        if prompts.kind == "over-refusal" and prompts.file is None:
            yield Problem((*path, "prompts", index, "file"), "is needed with `kind: over-refusal`")
    yield from repeated((*path, "judges"), [one.key for one in settings.judges], "key")
    for index, judge in enumerate(settings.judges):
        yield from _judge(judge, (*path, "judges", index))


def _judge(judge: JudgeSettings, path: Path) -> Iterator[Problem]:
    for name in _NEEDED[judge.kind]:
        if getattr(judge, name) is None:
            yield Problem((*path, name), f"is needed with `kind: {judge.kind}`")
    for name in _SETTINGS:
        stated = getattr(judge, name) != JudgeSettings.model_fields[name].default
        if stated and name not in _READ.get(judge.kind, ()):
            yield Problem((*path, name), f"is not read with `kind: {judge.kind}`; leave it out")
