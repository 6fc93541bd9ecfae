"""What the judge's raters teach, and the ratings of other people against which judges are held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pluralign.errors import DataError, JudgeError
from pluralign.evaluation.agreement import People
from pluralign.evaluation.groups import GroupJudge, group_of
from pluralign.evaluation.groups import learn as learn_groups
from pluralign.evaluation.judge import train
from pluralign.evaluation.judging import OrdinalJudge
from pluralign.evaluation.planted import Planted
from pluralign.evaluation.ratings import read_ratings
from pluralign.feedback import Feedback, split_raters
from pluralign.folder import StudyFolder
from pluralign.language_models.embeddings import Embedder
from pluralign.manifests import digest_file
from pluralign.progress import SILENT, Progress
from pluralign.study import Study

_DATA = ("prompts", "items", "raters", "ratings")


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the judge's raters taught, and the ratings of other people against which judges are held.

    ``trained``: the judge that learnt from ratings, or why there is none; ``groups``: its terms for rater groups.
    """

    trained: OrdinalJudge | JudgeError
    groups: GroupJudge | None
    people: People
    planted: Planted | None

    def judge(self) -> OrdinalJudge:
        """The judge that learnt from ratings. Raises the JudgeError that says why there is none."""
        if isinstance(self.trained, JudgeError):
            raise self.trained
        return self.trained


def learn(
    folder: StudyFolder, study: Study, feedback: Feedback, languages: Sequence[str], progress: Progress = SILENT
) -> Learnt:
    """Train the judge, also for groups of raters, and gather the people who say how good judges are.

    Texts are read in the raters' own languages, in ``languages[0]`` where these are not there.
    """
    tuning, judging = split_raters(feedback, study.evaluation.judge_raters, study.evaluation.seed)
    rows = read_ratings(judging.on_split("train"), languages[0])
    planted = Planted.load(folder.data, feedback.raters)
    people = _people(study, feedback, tuning, rows, languages, planted)
    try:
        trained = _trained(folder, study, feedback.points, rows, progress)
    except JudgeError as error:
        return Learnt(error, None, people, planted)
    progress.start("What groups of raters think")
    groups = learn_groups(trained.judge, rows, feedback.raters, study, feedback.points, trained.embedder)
    progress.finish()
    return Learnt(trained, groups, people, planted)


def trained_judge(folder: StudyFolder, study: Study, language: str, progress: Progress = SILENT) -> OrdinalJudge:
    """The judge alone, as `learn` trains it where ``language`` comes first.

    Raises SchemaError without tables of ratings, JudgeError where nothing can be learnt from them.
    """
    feedback = Feedback.load(folder.data)
    _, judging = split_raters(feedback, study.evaluation.judge_raters, study.evaluation.seed)
    rows = read_ratings(judging.on_split("train"), language)
    return _trained(folder, study, feedback.points, rows, progress)


def origin(folder: StudyFolder, study: Study) -> dict[str, str]:
    """Digests of what the judge is made from, and the settings that decide who trains it."""
    digests = {f"data/{name}.parquet": digest_file(folder.data / f"{name}.parquet") for name in _DATA}
    settings = study.evaluation
    return {**digests, "judge_raters": str(settings.judge_raters), "seed": str(settings.seed)}


def _trained(folder: StudyFolder, study: Study, points: int, rows: pd.DataFrame, progress: Progress) -> OrdinalJudge:
    embedder = Embedder(folder.evaluation / "judge" / "embeddings.npz")
    judge = train(rows, study.dimension_keys, points, embedder, progress)
    return OrdinalJudge(judge, embedder, origin(folder, study))


def _people(
    study: Study,
    feedback: Feedback,
    tuning: Feedback,
    learnt: pd.DataFrame,
    languages: Sequence[str],
    planted: Planted | None,
) -> People:
    """The tuning raters on held-out prompts; ``learnt`` are the ratings that the judge learns from."""
    try:
        unseen = read_ratings(tuning.on_split("held-out"), languages[0])
    except DataError:
        # Held-out prompts without ratings are no mistake; the agreement is then stated as unmeasured.
        unseen = learnt.iloc[:0]
    means = learnt.groupby("dimension")[["value", "weight"]].apply(
        lambda rows: float(np.average(rows["value"].astype(float), weights=rows["weight"]))
    )
    settings = study.evaluation
    return People(
        rows=unseen,
        prompts=_texts(feedback.prompts),
        dimensions=study.dimension_keys,
        languages=languages,
        points=feedback.points,
        means={str(key): float(value) for key, value in means.items()},
        groups={key: group_of(feedback.raters, study, key) for key in settings.groups or study.demographic_keys},
        min_raters=settings.min_raters,
        planted=planted,
        seed=settings.seed,
    )


def _texts(prompts: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Texts of the prompts by identifier and language."""
    found = {}
    for column in [name for name in prompts.columns if name.startswith("text_")]:
        known = prompts.loc[prompts[column].notna(), ["prompt", column]]
        language = column.removeprefix("text_")
        found.update({(str(prompt), language): str(text) for prompt, text in known.to_numpy()})
    return found
