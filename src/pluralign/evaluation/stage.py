"""The stage ``evaluate``: responses, judgements, and the tables that compare them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pluralign.errors import DataError, JudgeError, MismatchError, PluralignError
from pluralign.evaluation.agreement import agreement
from pluralign.evaluation.descriptives import descriptives
from pluralign.evaluation.features import unreadable
from pluralign.evaluation.groups import GroupJudge
from pluralign.evaluation.groups import scores as group_scores
from pluralign.evaluation.judgements import judged
from pluralign.evaluation.judges import judge_of, trained_on
from pluralign.evaluation.judging import AnyJudge, OrdinalJudge
from pluralign.evaluation.learning import Learnt, learn, origin
from pluralign.evaluation.models import EvaluatedModel, Plan, plan
from pluralign.evaluation.permutation import group_permutation
from pluralign.evaluation.prompts import prompts_of
from pluralign.evaluation.responses import earlier, held_out_prompts, respond
from pluralign.evaluation.results import TABLES, EvaluationResult, Heard, Holes, compare, write_tables
from pluralign.evaluation.served import Read, served
from pluralign.feedback import Feedback, split_raters
from pluralign.folder import StudyFolder
from pluralign.progress import SILENT, Progress
from pluralign.study import JudgeSettings, Study
from pluralign.study.evaluation_checks import HELD_OUT
from pluralign.wording import counted


def evaluate(
    folder: StudyFolder, study: Study, only: Sequence[str] | None = None, progress: Progress = SILENT
) -> EvaluationResult:
    """Sample responses of base and tuned models, have them judged, compare; write ``evaluation/``.

    ``only`` names experiments; of the others, the tables then hold what an earlier evaluation left. Runs that are not
    finished, judges that fail, prompts that cannot be read and groups that are too small are named and left out.
    What is there already and was made from the same things is used again, so a stopped evaluation goes on where it was;
    the summary tables are removed first and written last.

    Raises DataError without a finished run or a held-out prompt, MismatchError where a run does not belong to the
    study's present model and pairs, JudgeError where not one judge could be made or did its work, MissingExtraError
    where an optional part of the installation is absent.
    """
    for path in [*folder.evaluation.glob("*.csv"), *folder.evaluation.glob("*.manifest.json")]:
        path.unlink()
    holes = Holes(progress)
    todo = plan(folder, study, only)
    for run in todo.absent:
        progress.say(f"Left out: {run.experiment}, {run.condition}, seed {run.seed}: {run.why}.")
    feedback = Feedback.load(folder.data)
    todo = _with_earlier(todo, folder, study, feedback) if only is not None else todo
    languages = list(dict.fromkeys(model.language for model in todo.models))
    prompts = {language: held_out_prompts(feedback.prompts, language) for language in languages}
    learnt = learn(folder, study, feedback, languages, progress)
    items = _responses(todo, study, folder, prompts, progress)
    sets = _other_responses(todo, study, folder, languages, holes, progress)
    work = _Work(folder, study, todo, holes, progress)
    heard = [
        found
        for settings in study.evaluation.all_judges
        if (found := _heard(settings, work, prompts, items, learnt)) is not None
    ]
    if not heard:
        raise JudgeError(f"No judge could do its work. {holes.told('judge')}")
    regrouped = _regrouped(study, feedback, todo, progress)
    progress.start("Comparing the models")
    tables = compare(todo, study, items, heard, learnt.planted, regrouped)
    tables |= _served(todo, study, items, learnt, holes)
    tables["descriptives"] = descriptives(todo.models, {HELD_OUT: items, **sets}, heard[0].judgements, todo.absent)
    tables["holes"] = holes.table()
    result = EvaluationResult({name: tables[name] for name in TABLES}, todo.absent)
    write_tables(result, folder, study, todo, origin(folder, study), [one.key for one in heard])
    progress.finish()
    return result


def _with_earlier(todo: Plan, folder: StudyFolder, study: Study, feedback: Feedback) -> Plan:
    """``todo`` with the comparisons of other experiments for which all responses are there and current."""
    kept = []
    for key in [experiment.key for experiment in study.experiments]:
        try:
            candidates = plan(folder, study, [key]).comparisons
        except (DataError, MismatchError):
            continue
        for pair in candidates:
            prompts = held_out_prompts(feedback.prompts, pair.tuned.language)
            models = (pair.base, pair.tuned)
            if pair in todo.comparisons or all(
                earlier(model, prompts, study, folder.evaluation / model.place) is not None for model in models
            ):
                kept.append(pair)
    return Plan(tuple(kept), todo.absent)


def _responses(
    todo: Plan, study: Study, folder: StudyFolder, prompts: Mapping[str, pd.DataFrame], progress: Progress
) -> dict[str, pd.DataFrame]:
    """Responses to the held-out prompts, by the models' places."""
    return {
        model.place: respond(model, prompts[model.language], study, folder.evaluation / model.place, progress)
        for model in todo.models
    }


def _other_responses(
    todo: Plan, study: Study, folder: StudyFolder, languages: Sequence[str], holes: Holes, progress: Progress
) -> dict[str, dict[str, pd.DataFrame]]:
    """Responses to the other sets of prompts, by set and the models' places; sets that cannot be read are noted."""
    found: dict[str, dict[str, pd.DataFrame]] = {}
    for settings in study.evaluation.prompts:
        asked = {}
        for language in languages:
            try:
                asked[language] = prompts_of(settings, folder.root, language)
            except PluralignError as error:
                holes.note("prompts", settings.key, str(error))
        models = [model for model in todo.models if model.language in asked]
        found[settings.key] = {
            model.place: respond(
                model, asked[model.language], study, folder.evaluation / model.place / settings.key, progress
            )
            for model in models
        }
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    """What is evaluated, where, and to whom it is told."""

    folder: StudyFolder
    study: Study
    todo: Plan
    holes: Holes
    progress: Progress


def _heard(
    settings: JudgeSettings,
    work: _Work,
    prompts: Mapping[str, pd.DataFrame],
    items: Mapping[str, pd.DataFrame],
    learnt: Learnt,
) -> Heard | None:
    """What one judge says of all responses, and how far it agrees with people; None, and noted, where it fails."""
    folder, study, progress = work.folder, work.study, work.progress
    try:
        place = folder.evaluation / "judge" / settings.key
        judge: AnyJudge = judge_of(settings, study, learnt.judge, place)
        overall, by_group = agreement(judge, learnt.people, progress)
        judgements = {
            model.place: judged(
                model,
                items[model.place],
                prompts[model.language],
                judge,
                study.dimension_keys,
                learnt.people.points,
                folder.evaluation / model.place,
                progress,
            )
            for model in work.todo.models
        }
    except PluralignError as error:
        if len(study.evaluation.all_judges) == 1:
            raise
        work.holes.note("judge", settings.key, str(error))
        return None
    _note_silence(settings.key, judgements.values(), work.holes)
    if settings.kind == "ordinal-embedding" and isinstance(learnt.trained, OrdinalJudge):
        about = trained_on(learnt.trained.judge)
        rows = [about.get(dimension, {"trained_on_ratings": 0}) for dimension in overall["dimension"]]
        overall = pd.concat([overall, pd.DataFrame(rows, index=overall.index)], axis=1)
    return Heard(settings.key, judgements, overall, by_group)


def _note_silence(key: str, judgements: Iterable[pd.DataFrame], holes: Holes) -> None:
    """Note a judge that has scored nothing at all, with its most frequent reason."""
    everything = pd.concat(judgements)
    if not (everything["status"] == "scored").any():
        reason = everything["reason"].mode().iloc[0]
        holes.note("judge", key, f"not one of {counted(len(everything), 'judgement')} is scored ({reason})")


def _regrouped(study: Study, feedback: Feedback, todo: Plan, progress: Progress) -> pd.DataFrame:
    """The permutation test of every experiment that is evaluated."""
    tuning, _ = split_raters(feedback, study.evaluation.judge_raters, study.evaluation.seed)
    keys = {pair.tuned.experiment for pair in todo.comparisons}
    tested = study.model_copy(update={"experiments": tuple(one for one in study.experiments if one.key in keys)})
    return group_permutation(tested, tuning.on_split("train"), study.evaluation.permutations, progress)


def _served(
    todo: Plan, study: Study, items: Mapping[str, pd.DataFrame], learnt: Learnt, holes: Holes
) -> dict[str, pd.DataFrame]:
    """The tables of who is served; groups that are too small are noted."""
    if learnt.groups is None or isinstance(learnt.trained, JudgeError):
        empty = served((), {}, GroupJudge((), np.zeros(0), np.zeros(0), {}, pd.DataFrame()), study)
        return dict(zip(("served", "spread"), empty, strict=True))
    for row in learnt.groups.missing.drop_duplicates(["demographic", "group_label"]).to_dict("records"):
        name = f"{row['demographic']}: {row['group_label']}"
        least = study.evaluation.min_raters
        holes.note("group", name, f"{row['raters']} raters taught the judge; two groups of {least} or more are needed")
    trained = learnt.trained
    read = {model.place: _read(model, items[model.place], trained) for model in todo.models}
    return dict(zip(("served", "spread"), served(todo.comparisons, read, learnt.groups, study), strict=True))


def _read(model: EvaluatedModel, items: pd.DataFrame, trained: OrdinalJudge) -> Read:
    texts = [text if isinstance(text, str) else None for text in items[f"text_{model.language}"]]
    fine = [unreadable(text) is None for text in texts]
    kept = [text for text, ok in zip(texts, fine, strict=True) if ok and text is not None]
    prompt = items.loc[fine, "prompt"].astype(object).to_numpy()
    return Read(prompt, group_scores(trained.judge, kept, trained.embedder))
