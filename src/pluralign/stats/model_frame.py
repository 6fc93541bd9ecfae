"""Ratings of one dimension as the study's model wants them: merged, with reference levels, without gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pluralign.errors import DataError, SchemaError
from pluralign.stats.formula import Formula, parse
from pluralign.stats.labels import CONTEXT
from pluralign.study import UNDECLARED, Demographic, Study


@dataclass(frozen=True, slots=True)
class ModelFrame:
    """Ratings ready for a model.

    ``frame`` has the response (1 to ``categories``), every other column of the formula, ``rater`` and ``item``; each
    demographic, and the perspective where it is a predictor, is a categorical whose first category is the reference
    level. ``references`` names these levels. ``dropped`` counts the ratings left out, by reason.
    """

    frame: pd.DataFrame
    references: Mapping[str, str]
    categories: int
    dropped: Mapping[str, int]


def model_frame(long: pd.DataFrame, study: Study, dimension: str) -> ModelFrame:
    """Prepare the ratings of one dimension for ``study.analysis.formula``.

    ``long`` has one row per rating with the rater's demographics and the item's context beside it
    (``Feedback.long_frame()``). Merges and joined scale values of the study are applied. Left out and counted are
    ratings of raters who were not asked something in the formula, who preferred not to say (where the study drops
    them), whose answer the study does not list, and ratings without a value in another column of the formula.

    Raises ConfigError for a formula that cannot be read, SchemaError where a column of it is absent and DataError
    where no rating is left, a demographic has nothing to be compared with, or an interaction has a combination of
    levels without ratings.
    """
    formula = parse(study.analysis.formula)
    demographics = tuple(one for one in study.demographics if one.key in formula.fixed_columns)
    others = [name for name in formula.columns if name not in (formula.response, *(d.key for d in demographics))]
    needed = ["value", *others, *(demographic.key for demographic in demographics)]
    absent = [name for name in needed if name not in long.columns]
    if absent:
        raise SchemaError(
            f"The ratings lack {', '.join(absent)}, which the formula {formula.text!r} needs; found "
            f"{', '.join(map(str, long.columns))}. Import these columns or change analysis.formula in the study file."
        )
    needed += [name for name in ("rater", "item") if name not in needed]
    part = long.loc[long["dimension"] == dimension, needed]
    part, dropped = _without_gaps(part, demographics, others, study.analysis.drop_undeclared)
    if part.empty:
        raise DataError(_nothing_left(dimension, dropped))
    values, categories = _joined(part["value"].astype(int), study)
    columns = {name: part[name] for name in needed[1:]} | {formula.response: values}
    references = {}
    for demographic in demographics:
        columns[demographic.key], references[demographic.key] = _factor(part[demographic.key], demographic, study)
    if CONTEXT in formula.fixed_columns:
        columns[CONTEXT], references[CONTEXT] = _contexts(part[CONTEXT], study)
    frame = pd.DataFrame(columns).reset_index(drop=True)
    _refuse_empty_combinations(frame, formula, references)
    return ModelFrame(frame, references, categories, dropped)


def _without_gaps(
    part: pd.DataFrame, demographics: tuple[Demographic, ...], others: list[str], drop_undeclared: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Each rating is counted once, under the first reason that applies."""
    reasons: list[tuple[str, pd.Series[bool]]] = []
    for name in others:
        reasons.append((f"no {name}", part[name].isna()))
    for demographic in demographics:
        answers = part[demographic.key]
        undeclared = answers == UNDECLARED
        reasons.append((f"{demographic.key} not asked", answers.isna()))
        if drop_undeclared:
            reasons.append((f"{demographic.key} undeclared", undeclared))
        listed = answers.isin(demographic.codes) | undeclared
        reasons.append((f"{demographic.key} not among the study's options", answers.notna() & ~listed))
    keep = pd.Series(True, index=part.index)
    dropped = {}
    for reason, applies in reasons:
        number = int((keep & applies).sum())
        if number:
            dropped[reason] = number
        keep &= ~applies
    return part[keep], dropped


def _joined(values: pd.Series[int], study: Study) -> tuple[pd.Series[int], int]:
    joined = study.analysis.categories
    if joined is None:
        return values, study.points
    category = {value: number for number, group in enumerate(joined, start=1) for value in group}
    return values.map(category).astype(int), len(joined)


def _factor(answers: pd.Series[str], demographic: Demographic, study: Study) -> tuple[pd.Series, str]:
    """The answers as a categorical with the reference first, levels that do not occur left out."""
    merges = demographic.key in study.analysis.merges
    codes = demographic.merged_codes if merges else demographic.codes
    reference = demographic.merged_reference if merges else demographic.reference
    new_codes = {**demographic.merged, UNDECLARED: UNDECLARED}
    levels = answers.map(new_codes) if merges else answers
    present = set(levels)
    if reference not in present:
        raise DataError(
            f"No rating left is by a rater of the reference level {reference} of {demographic.key}; present are "
            f"{', '.join(sorted(present))}. Choose another reference in the study file."
        )
    if len(present) < 2:
        raise DataError(
            f"All ratings left are by raters of one level of {demographic.key}, {reference}; a comparison needs two. "
            f"Take {demographic.key} out of analysis.formula or collect more raters."
        )
    order = [reference, *(code for code in (*codes, UNDECLARED) if code in present and code != reference)]
    return pd.Series(pd.Categorical(levels, categories=order), index=answers.index), reference


def _contexts(contexts: pd.Series[str], study: Study) -> tuple[pd.Series, str]:
    """The perspectives as a categorical in the order of the study; the first is the reference."""
    present = set(contexts)
    order = [key for key in study.context_keys if key in present]
    order += sorted(present - set(order))
    return pd.Series(pd.Categorical(contexts, categories=order), index=contexts.index), order[0]


def _refuse_empty_combinations(frame: pd.DataFrame, formula: Formula, references: Mapping[str, str]) -> None:
    """An interaction has a coefficient for every combination of levels, so every combination needs ratings."""
    for term in formula.fixed:
        keys = [factor.expr for factor in term.factors if factor.expr in references]
        if len(keys) < 2:
            continue
        counts = frame.groupby(keys, observed=False).size()
        empty = [" and ".join(combination) for combination in counts.index[counts == 0]]
        if empty:
            raise DataError(
                f"No rating left is by raters of these combinations of {' and '.join(keys)}: {', '.join(empty)}. Merge "
                "answers in the study file until every combination occurs, or leave the interaction out of the formula."
            )


def _nothing_left(dimension: str, dropped: Mapping[str, int]) -> str:
    if not dropped:
        return f"There are no ratings on {dimension}."
    counted = ", ".join(f"{number} with {reason}" for reason, number in dropped.items())
    return f"No rating on {dimension} is left for the model: {counted}. Correct the data or shorten analysis.formula."
