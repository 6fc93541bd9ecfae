"""k-anonymity: nobody in a release is alone with what others may know about them.

Answers that others may know (age, country, …) make a combination. Every combination that occurs must be shared by at
least k people (Sweeney 2002, k-anonymity). Where it is not, questions are coarsened for everybody by the ``merges`` of
the study file, as long as that helps; what is then still rare is left empty, answer by answer. Empty counts as an
answer of its own: whoever has it shares it with k people too.

`anjana` and `pycanon`, looked at in November 2026, do global recoding over hierarchies and remove whole records; they
pin exact versions of NumPy and pandas. Losing people costs a study more than losing some of their answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pluralign.errors import DataError
from pluralign.wording import counted

Merges = Mapping[str, Mapping[str, str]]
_EMPTY = "(empty)"  # no code of a study file has brackets


@dataclass(frozen=True, slots=True)
class Protected:
    """People after protection. ``coarsened``: questions merged for everybody; ``report`` has one row per question:

    ``question, values`` (answers given), ``coarsened`` (answers that a merge changed), ``suppressed`` (answers left
    empty), ``kept`` (answers as they were).
    """

    people: pd.DataFrame
    coarsened: tuple[str, ...]
    report: pd.DataFrame


def protect(people: pd.DataFrame, known: Sequence[str], merges: Merges, k: int) -> Protected:
    """Make every combination of the columns ``known`` occur at least ``k`` times.

    ``merges`` maps columns to their codes after merging. Raises DataError where there are fewer than ``k`` people: no
    change to their answers could protect them.
    """
    if len(people) < k:
        raise DataError(
            f"{counted(len(people), 'person is', 'people are')} too few for a release in which nobody is alone among "
            f"fewer than {k}. Wait for more, or make an internal release."
        )
    before = people[list(known)].astype(object).where(people[list(known)].notna(), _EMPTY)
    merged, coarsened = _coarsen(before, merges, k)
    after = _suppress(merged, k)
    protected = people.assign(**{name: after[name].where(after[name] != _EMPTY, None) for name in known})
    return Protected(protected, coarsened, _report(before, after, known))


def smallest_cell(people: pd.DataFrame, known: Sequence[str]) -> int:
    """The number of people who share the rarest combination of the columns ``known``; 0 without people."""
    if not known or people.empty:
        return len(people)
    return int(_sizes(people[list(known)].astype(object).where(people[list(known)].notna(), _EMPTY)).min())


def _sizes(answers: pd.DataFrame) -> pd.Series:
    """For each person, how many share all of their answers."""
    if answers.columns.empty:
        return pd.Series(len(answers), index=answers.index)
    return answers.groupby(list(answers.columns), sort=False)[answers.columns[0]].transform("size")


def _coarsen(answers: pd.DataFrame, merges: Merges, k: int) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Apply the merge that saves most answers from being left out, then the next, until none saves any."""
    left = [name for name in answers.columns if merges.get(name)]
    done: list[str] = []
    lost = _n_lost(answers, k)
    while left and lost:
        tried = {name: _merge(answers, name, merges[name]) for name in left}
        counts = {name: _n_lost(each, k) for name, each in tried.items()}
        best = min(left, key=lambda name: counts[name])
        if counts[best] >= lost:
            break
        answers, lost = tried[best], counts[best]
        left.remove(best)
        done.append(best)
    return answers, tuple(name for name in answers.columns if name in done)


def _n_lost(answers: pd.DataFrame, k: int) -> int:
    """Answers that would have to be emptied."""
    return int(((_suppress(answers, k) == _EMPTY) & (answers != _EMPTY)).to_numpy().sum())


def _merge(answers: pd.DataFrame, name: str, codes: Mapping[str, str]) -> pd.DataFrame:
    return answers.assign(**{name: answers[name].map(lambda code: codes.get(code, code))})


def _suppress(answers: pd.DataFrame, k: int) -> pd.DataFrame:
    """Empty the answers of rare people, for each the one question that makes most of them common, then a further one.

    Where no single question helps anybody, the one with the most different answers goes for all who are rare.
    """
    answers = answers.copy()
    while (rare := _sizes(answers) < k).any():
        open_ = [name for name in answers.columns if (answers.loc[rare, name] != _EMPTY).any()]
        if not open_:
            return _fill_up(answers, k)
        tried = {name: _made_common(answers, rare, name, k) for name in open_}
        best = max(open_, key=lambda name: int(tried[name].sum()))
        if tried[best].any():
            answers.loc[tried[best], best] = _EMPTY
        else:
            widest = max(open_, key=lambda name: int(answers.loc[rare, name].nunique()))
            answers.loc[rare, widest] = _EMPTY
    return answers


def _made_common(answers: pd.DataFrame, rare: pd.Series, name: str, k: int) -> pd.Series:
    """Who of the rare would share all answers with k people if the rare had none to this question."""
    tried = answers.copy()
    tried.loc[rare, name] = _EMPTY
    return rare & (_sizes(tried) >= k)


def _fill_up(answers: pd.DataFrame, k: int) -> pd.DataFrame:
    """Fewer than k have nothing left to empty: the smallest other group joins them."""
    empty = (answers == _EMPTY).all(axis=1)
    others = answers[~empty]
    sizes = _sizes(others)
    like = others.iloc[int(sizes.to_numpy().argmin())]
    joining = (answers == like).all(axis=1)
    # A group that could spare as many as are missing and stay large enough gives only those.
    missing = k - int(empty.sum())
    if int(joining.sum()) - missing >= k:
        joining = joining & (joining.cumsum() <= missing)
    answers.loc[joining, :] = _EMPTY
    return answers


def _report(before: pd.DataFrame, after: pd.DataFrame, known: Sequence[str]) -> pd.DataFrame:
    rows = []
    for name in known:
        had = before[name] != _EMPTY
        gone = had & (after[name] == _EMPTY)
        changed = had & ~gone & (after[name] != before[name])
        rows.append(
            {
                "question": name,
                "values": int(had.sum()),
                "coarsened": int(changed.sum()),
                "suppressed": int(gone.sum()),
                "kept": int((had & ~gone & ~changed).sum()),
            }
        )
    return pd.DataFrame(rows, columns=["question", "values", "coarsened", "suppressed", "kept"])
