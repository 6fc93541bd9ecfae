"""Judges as scorers of Inspect, the framework for evaluations of language models: ``pluralign/judge`` and
``pluralign/rubric``.

A score holds a value for each dimension, on the study's scale. A dimension that cannot be judged is NaN, which Inspect
counts as unscored and leaves out of every mean; the reasons are in the score's metadata. Inspect finds the scorers by
the entry point ``inspect_ai``.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pluralign.errors import ConfigError, JudgeError, MissingExtraError, PluralignError
from pluralign.evaluation.features import unreadable
from pluralign.evaluation.judges import judge_of
from pluralign.evaluation.judging import AnyJudge, Verdict, judgements, on_scale
from pluralign.evaluation.learning import trained_judge
from pluralign.evaluation.rubric import Reply, code_for, question, verdict_in
from pluralign.folder import StudyFolder
from pluralign.progress import SILENT
from pluralign.study import JudgeSettings, Study, load

try:
    from anyio.to_thread import run_sync
    from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, GenerateConfig, Model, get_model
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
    from inspect_ai.solver import TaskState
    from inspect_ai.util import collect
except ImportError as error:
    raise MissingExtraError(
        f"Inspect's scorers need the extra `inspect` ({error.name} is missing): pip install 'pluralign[inspect]'."
    ) from error

_METRICS = {"*": [mean(), stderr()]}
_UNMEASURED = "unmeasured"


@scorer(metrics=_METRICS)
def judge(study: str, judge: str | None = None, language: str | None = None) -> Scorer:
    """What a judge of the study in the folder ``study`` says of a response.

    ``judge`` names one of ``evaluation.judges``, by default the first; without such a list that is the ordinal model of
    the study's own ratings. ``language`` is that of the responses, by default of ``training.language``. The judge is
    made, and trained, when the scorer is; responses are judged one after the other.

    Raises JudgeError where the study file is wrong or has no such judge, or there are no ratings to learn from,
    ModelError where the judge's model is missing.
    """
    folder = StudyFolder(Path(study))
    with _told():
        made = load(folder.study_file)
        spoken = language or made.training.language
        settings = _named(made, judge, folder)
        place = folder.evaluation / "judge" / settings.key
        asked = judge_of(settings, made, lambda: trained_judge(folder, made, spoken), place)
    about = _About(settings.key, made, _agreement(folder, settings.key, spoken))
    one_at_a_time = threading.Lock()

    def verdicts(state: TaskState) -> dict[str, Verdict]:
        with one_at_a_time:
            return _verdicts(asked, made, state, spoken)

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        return about.score(state, await run_sync(verdicts, state))

    return score


@scorer(metrics=_METRICS)
def rubric(study: str, model: str | None = None, language: str | None = None, max_new_tokens: int = 200) -> Scorer:
    """The verdicts of a language model that is asked through Inspect, by the rubric of the study in the folder
    ``study``: the statement, definition and scale of each dimension.

    ``model`` by Inspect's name for it; by default the model of the role ``grader``, or else the one that is evaluated.
    The code beside which a verdict counts is drawn anew for every scorer. Raises JudgeError where the study file is
    wrong.
    """
    with _told():
        made = load(StudyFolder(Path(study)).study_file)
    spoken = language or made.training.language
    secret = secrets.token_bytes(16)
    about = _About(f"rubric by {model or 'the grader'}", made, {})
    config = GenerateConfig(temperature=0.0, max_tokens=max_new_tokens)

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        grader = get_model(model) if model else get_model(role="grader")

        async def verdict(dimension: str) -> Verdict:
            return await _asked(grader, config, made, state, dimension, spoken, secret)

        found = await collect(*(verdict(dimension) for dimension in made.dimension_keys))
        return about.score(state, dict(zip(made.dimension_keys, found, strict=True)))

    return score


@contextmanager
def _told() -> Iterator[None]:
    """Inspect takes a ValueError for a scorer that it does not know, and keeps its reason to itself."""
    try:
        yield
    except PluralignError as error:
        if isinstance(error, ValueError):
            raise JudgeError(str(error)) from error
        raise


@dataclass(frozen=True, slots=True)
class _About:
    """Whose verdicts they are, and how far they follow people (by dimension)."""

    judge: str
    study: Study
    agreement: Mapping[str, str]

    def score(self, state: TaskState, verdicts: Mapping[str, Verdict]) -> Score:
        """The verdicts as Inspect keeps them."""
        missing = {dimension: one.reason for dimension, one in verdicts.items() if one.value is None}
        lines = [
            f"{dimension}: unscored ({one.reason})" if one.value is None else f"{dimension}: {one.value:g}"
            for dimension, one in verdicts.items()
        ]
        return Score(
            value={dimension: float("nan") if one.value is None else one.value for dimension, one in verdicts.items()},
            answer=state.output.completion,
            explanation="\n".join(lines),
            metadata={
                "judge": self.judge,
                "scale": [1, self.study.points],
                "agreement_with_people": {name: self.agreement.get(name, _UNMEASURED) for name in verdicts},
                "unscored": missing,
                "raw": {dimension: one.raw for dimension, one in verdicts.items()},
            },
        )


def _named(study: Study, judge: str | None, folder: StudyFolder) -> JudgeSettings:
    known = {settings.key: settings for settings in study.evaluation.all_judges}
    if judge is None:
        return study.evaluation.all_judges[0]
    if judge not in known:
        raise ConfigError(
            f'{folder.study_file}: there is no judge "{judge}" among evaluation.judges ({", ".join(known)}). Add it '
            "there or name one of these."
        )
    return known[judge]


def _agreement(folder: StudyFolder, judge: str, language: str) -> dict[str, str]:
    """How far the judge follows people by dimension, as the last `pluralign evaluate` found it; empty without one."""
    path = folder.evaluation / "agreement.csv"
    if not path.is_file():
        return {}
    table = pd.read_csv(path)
    mine = table.loc[(table["judge"] == judge) & (table["language"] == language)]
    return {str(row["dimension"]): str(row["verdict"]) for row in mine.to_dict("records")}


def _verdicts(judge: AnyJudge, study: Study, state: TaskState, language: str) -> dict[str, Verdict]:
    asked = pd.DataFrame(
        {"item": [_item(state)], "prompt": state.input_text, "text": state.output.completion, "language": language}
    )
    table = judgements(judge, asked, study.dimension_keys, study.points, SILENT).astype(object)
    table = table.where(table.notna(), None)
    return {str(row["dimension"]): Verdict(row["value"], row["reason"], row["raw"]) for row in table.to_dict("records")}


async def _asked(
    grader: Model,
    config: GenerateConfig,
    study: Study,
    state: TaskState,
    dimension: str,
    language: str,
    secret: bytes,
) -> Verdict:
    prompt, text = state.input_text, state.output.completion
    reason = unreadable(text)
    if reason is not None:
        return Verdict(None, reason)
    code = code_for(secret, f"{_item(state)}/{dimension}", f"{prompt}\n{text}")
    system, user = question(study, dimension, language, prompt, text, code)
    turns: list[ChatMessage] = [ChatMessageSystem(content=system["content"]), ChatMessageUser(content=user["content"])]
    output = await grader.generate(turns, config=config)
    return on_scale(verdict_in(Reply(output.completion), code), study.points)


def _item(state: TaskState) -> str:
    return f"{state.sample_id}/{state.epoch}"
