"""The stage ``prefer``: preference pairs for every condition of a study's experiments, matched in size."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

import pandas as pd

from pluralign.errors import ConfigError, DataError
from pluralign.feedback import Feedback, split_raters
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file
from pluralign.preferences.matching import LEFT_OUT, match
from pluralign.preferences.pairs import PairCounts, make_pairs
from pluralign.preferences.summary import earlier_lines, summary_line
from pluralign.progress import SILENT, Progress
from pluralign.records import PAIRS, write
from pluralign.storage import write_csv
from pluralign.study import Condition, Experiment, Study

_TABLES = ("prompts", "items", "raters", "ratings")


def prefer(
    folder: StudyFolder, study: Study, only: Sequence[str] | None = None, progress: Progress = SILENT
) -> pd.DataFrame:
    """Write the pairs of every condition, made from the tuning raters' ratings on train prompts; return the summary.

    ``only`` names experiments; the others' pairs and lines of the summary stay. Conditions that the study no longer
    has are removed. Nothing of an experiment is written unless all its conditions have pairs: DataError names the
    one that has none, and why.
    """
    experiments = _asked_for(study, only)
    tuning, _ = split_raters(Feedback.load(folder.data), study.evaluation.judge_raters, study.evaluation.seed)
    tuning = tuning.on_split("train")
    inputs = {f"data/{name}.parquet": digest_file(folder.data / f"{name}.parquet") for name in _TABLES}
    summary_file = folder.preferences / "summary.csv"
    earlier = earlier_lines(summary_file, study, {experiment.key for experiment in experiments})
    progress.start("Making preference pairs", sum(len(experiment.conditions) for experiment in experiments))
    lines = []
    for experiment in experiments:
        lines += _experiment(folder, study, experiment, tuning, inputs, progress)
    _remove_stale(folder, study)
    summary = pd.concat([*earlier, pd.DataFrame(lines)], ignore_index=True)
    order = {experiment.key: place for place, experiment in enumerate(study.experiments)}
    summary = summary.sort_values("experiment", key=lambda keys: keys.map(order), kind="stable", ignore_index=True)
    write_csv(summary, summary_file)
    progress.finish()
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
) -> list[dict[str, object]]:
    """Make, match and write the pairs of one experiment; return its lines of the summary."""
    language = study.training_for(experiment).language
    made: dict[str, tuple[pd.DataFrame, PairCounts]] = {}
    for condition in experiment.conditions:
        made[condition.key] = _condition(study, experiment, condition, tuning, language)
        progress.advance(note=f"{experiment.key}, {condition.key}")
    matched = _matched(experiment, {key: pairs for key, (pairs, _) in made.items()}, study.evaluation.seed)
    characters = tuning.items.set_index("item")[f"text_{language}"].str.len()
    lines = []
    for condition in experiment.conditions:
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
        lines.append(summary_line(experiment, condition, pairs, counts, left_out, characters))
    return lines


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
            f"Experiment {experiment.key}: its conditions have pairs, but on no prompt that is common to all (prompts "
            f"by condition: {prompts}), so they cannot be compared. Widen the narrowest condition."
        )
    return matched | {key: (made[key], dict.fromkeys(LEFT_OUT, 0)) for key in natural}


def _condition(
    study: Study, experiment: Experiment, condition: Condition, tuning: Feedback, language: str
) -> tuple[pd.DataFrame, PairCounts]:
    where = f"Experiment {experiment.key}, condition {condition.key}"
    try:
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
    except (ConfigError, DataError) as error:
        raise type(error)(f"{where}: {error}") from error
    if pairs.empty:
        reasons = ", ".join(f"{number} {reason}" for reason, number in counts.dropped.items() if number)
        raise DataError(
            f"{where}: no pairs are left. {counts.raters} raters' {counts.ratings} ratings gave "
            f"{counts.candidates} candidate pairs ({reasons or 'no prompt has two responses'}). Use a finer scale, "
            "another rule for ties, a wider group, or collect more ratings."
        )
    return pairs, counts


def _remove_stale(folder: StudyFolder, study: Study) -> None:
    """Remove the pairs of conditions that the study does not have; touch no folder that does not hold pairs."""
    wanted = {
        folder.pairs(experiment.key, condition.key)
        for experiment in study.experiments
        for condition in experiment.conditions
    }
    for pairs in sorted(folder.preferences.glob("*/*/pairs.parquet")):
        if pairs not in wanted:
            shutil.rmtree(pairs.parent)
            if not any(pairs.parent.parent.iterdir()):
                pairs.parent.parent.rmdir()
