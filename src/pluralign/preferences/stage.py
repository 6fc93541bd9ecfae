"""The stage ``prefer``: preference pairs for every condition of a study's experiments, matched in size."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from pluralign.errors import ConfigError, DataError, PluralignError
from pluralign.feedback import Feedback, split_raters
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file
from pluralign.preferences.matching import LEFT_OUT, match
from pluralign.preferences.pairs import PairCounts, make_pairs
from pluralign.preferences.problems import Problem, together
from pluralign.preferences.summary import summary_line, updated
from pluralign.progress import SILENT, Progress
from pluralign.records import PAIRS, write
from pluralign.study import Condition, Experiment, Study

_TABLES = ("prompts", "items", "raters", "ratings")


def prefer(
    folder: StudyFolder, study: Study, only: Sequence[str] | None = None, progress: Progress = SILENT
) -> pd.DataFrame:
    """Write the pairs of every condition, made from the tuning raters' ratings on train prompts; return the summary.

    ``only`` names experiments; the others' pairs and lines of the summary stay. Conditions that the study no longer
    has are removed. Where a condition cannot be made, the others of its experiment are matched without it, everything
    else is written, and at the end an error says which conditions have no pairs and why; ``problems.csv`` keeps it.
    """
    experiments = _asked_for(study, only)
    tuning, _ = split_raters(Feedback.load(folder.data), study.evaluation.judge_raters, study.evaluation.seed)
    tuning = tuning.on_split("train")
    inputs = {f"data/{name}.parquet": digest_file(folder.data / f"{name}.parquet") for name in _TABLES}
    progress.start("Making preference pairs", sum(len(experiment.conditions) for experiment in experiments))
    lines: list[dict[str, object]] = []
    problems: list[Problem] = []
    for experiment in experiments:
        made, failed = _experiment(folder, study, experiment, tuning, inputs, progress)
        lines += made
        problems += failed
    summary = updated(folder.preferences / "summary.csv", lines, study, experiments)
    noted = updated(folder.preferences / "problems.csv", [problem.line() for problem in problems], study, experiments)
    _remove_all_but(
        folder, study, without={(line["experiment"], line["condition"]) for line in noted.to_dict("records")}
    )
    progress.finish()
    if problems:
        raise together(problems, others=len(lines))
    return summary


def _asked_for(study: Study, only: Sequence[str] | None) -> tuple[Experiment, ...]:
    if not study.experiments:
        raise ConfigError("The study file lists no experiments, so there is nothing to make pairs for; add one.")
    if only is None:
        return study.experiments
    return tuple(study.experiment(key) for key in dict.fromkeys(only))


def _experiment(
    folder: StudyFolder,
    study: Study,
    experiment: Experiment,
    tuning: Feedback,
    inputs: Mapping[str, str],
    progress: Progress,
) -> tuple[list[dict[str, object]], list[Problem]]:
    """Make, match and write the pairs of one experiment; return its lines of the summary and what failed."""
    language = study.training_for(experiment).language
    made: dict[str, tuple[pd.DataFrame, PairCounts]] = {}
    problems = []
    for condition in experiment.conditions:
        try:
            made[condition.key] = _condition(study, experiment, condition, tuning, language)
        except PluralignError as error:
            problems.append(Problem(experiment.key, condition.key, error))
        progress.advance(note=f"{experiment.key}, {condition.key}")
    try:
        matched = _matched(experiment, {key: pairs for key, (pairs, _) in made.items()}, study.evaluation.seed)
    except DataError as error:
        return [], [*problems, *(Problem(experiment.key, key, error) for key in made)]
    lines = []
    for condition in experiment.conditions:
        if condition.key not in made:
            continue
        counts = made[condition.key][1]
        pairs, left_out = matched[condition.key]
        manifest = Manifest(
            what=f"preference pairs of experiment {experiment.key}, condition {condition.key}",
            config={
                **condition.model_dump(mode="json"),
                "objective": dict(experiment.objective),
                "language": language,
                "judge_raters": study.evaluation.judge_raters,
            },
            seed=study.evaluation.seed,
            inputs=dict(inputs),
            rows_in=counts.candidates,
            dropped={**counts.dropped, **left_out},
        )
        write(pairs, folder.pairs(experiment.key, condition.key), PAIRS, manifest)
        characters = tuning.items.set_index("item")[f"text_{language}"].str.len()
        lines.append(summary_line(experiment, condition, pairs, counts, left_out, characters))
    return lines, problems


def _matched(
    experiment: Experiment, made: Mapping[str, pd.DataFrame], seed: int
) -> dict[str, tuple[pd.DataFrame, dict[str, int]]]:
    """The conditions' pairs brought to one number per prompt, but for those that keep their natural size."""
    natural = {condition.key for condition in experiment.conditions if condition.size == "natural"}
    compared = {key: pairs for key, pairs in made.items() if key not in natural}
    matched = match(compared, seed)
    if any(pairs.empty for pairs, _ in matched.values()):
        prompts = ", ".join(f"{key} {pairs['prompt'].nunique()}" for key, pairs in compared.items())
        raise DataError(
            f"The conditions have pairs, but on no prompt that is common to all (prompts by condition: {prompts}), so "
            "they cannot be compared. Widen the narrowest condition."
        )
    return matched | {key: (made[key], dict.fromkeys(LEFT_OUT, 0)) for key in natural}


def _condition(
    study: Study, experiment: Experiment, condition: Condition, tuning: Feedback, language: str
) -> tuple[pd.DataFrame, PairCounts]:
    pairs, counts = make_pairs(
        tuning,
        condition,
        experiment.objective,
        desirable={dimension.key: dimension.desirable for dimension in study.dimensions},
        language=language,
        codes={demographic.key: demographic.codes for demographic in study.demographics},
        merges={key: study.demographic(key).merged for key in study.analysis.merges},
        salt=f"{study.evaluation.seed}/{experiment.key}",
    )
    if pairs.empty:
        reasons = ", ".join(f"{number} {reason}" for reason, number in counts.dropped.items() if number)
        raise DataError(
            f"No pairs are left. {counts.raters} raters' {counts.ratings} ratings gave "
            f"{counts.candidates} candidate pairs ({reasons or 'no prompt has two responses'}). Use a finer scale, "
            "another rule for ties, a wider group, or collect more ratings."
        )
    return pairs, counts


def _remove_all_but(folder: StudyFolder, study: Study, without: Collection[tuple[object, object]]) -> None:
    """Remove pairs of conditions that the study does not have or that failed; touch no folder without pairs."""
    wanted = {
        folder.pairs(experiment.key, condition.key)
        for experiment in study.experiments
        for condition in experiment.conditions
        if (experiment.key, condition.key) not in without
    }
    for pairs in sorted(folder.preferences.glob("*/*/pairs.parquet")):
        if pairs not in wanted:
            shutil.rmtree(pairs.parent)
            if not any(pairs.parent.parent.iterdir()):
                pairs.parent.parent.rmdir()
