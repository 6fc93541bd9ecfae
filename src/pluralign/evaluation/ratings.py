"""Ratings by text: what raters read, and how often each category was chosen for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.evaluation.features import unreadable

if TYPE_CHECKING:
    from pluralign.feedback import Feedback

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RatedTexts:
    """Texts rated on one dimension. ``texts``: columns ``item, prompt, language, text``, n rows; ``counts``: (n, K),
    ratings by category, each with its rater's weight; ``raters`` and ``ratings`` count people and ratings.
    """

    dimension: str
    texts: pd.DataFrame
    counts: FloatArray
    raters: int
    ratings: int

    @property
    def groups(self) -> NDArray[np.int64]:
        """Number of each row's prompt, prompts counted from 0 in order of their identifiers."""
        codes, _ = pd.factorize(self.texts["prompt"], sort=True)
        return codes.astype(np.int64)

    @property
    def means(self) -> FloatArray:
        """Mean rating of each text, (n,)."""
        values: FloatArray = self.counts @ np.arange(1.0, self.counts.shape[1] + 1) / self.counts.sum(axis=1)
        return values

    def where(self, kept: NDArray[np.bool_]) -> RatedTexts:
        """The texts that are ``kept`` (n,); numbers of raters and ratings stay those of all."""
        texts = self.texts.loc[kept].reset_index(drop=True)
        return replace(self, texts=texts, counts=self.counts[kept])


def read_ratings(feedback: Feedback, language: str) -> pd.DataFrame:
    """One row per rating with the text that the rater read: ``rater, item, prompt, dimension, value, weight, language,
    text``.

    A rater reads in their own language where the item has a text in it, otherwise (or where the language is not known)
    in ``language``. Ratings whose text is not there, or is not readable, are left out.
    """
    rows = feedback.ratings[["rater", "item", "dimension", "value"]]
    rows = rows.merge(feedback.raters[["rater", "language", "weight"]], on="rater", how="left")
    texts = _texts(feedback.items)
    own = rows.merge(texts, on=["item", "language"], how="left")["text"]
    default = rows[["item"]].merge(texts.loc[texts["language"] == language], on="item", how="left")["text"]
    rows["language"] = rows["language"].where(own.notna(), language)
    rows["text"] = own.where(own.notna(), default)
    rows = rows.merge(feedback.items[["item", "prompt"]], on="item", how="left")
    readable = {text: unreadable(text) is None for text in rows["text"].dropna().unique()}
    rows = rows.loc[rows["text"].map(readable).fillna(False).astype(bool) & (rows["weight"] > 0)]
    return rows.sort_values(["dimension", "item", "language", "rater"], ignore_index=True)


def rated_texts(rows: pd.DataFrame, dimension: str, points: int) -> RatedTexts:
    """The ratings of `read_ratings` on one dimension, gathered by text; there may be none."""
    part = rows.loc[rows["dimension"] == dimension]
    keys = ["item", "language"]
    texts = part.drop_duplicates(keys)[["item", "prompt", "language", "text"]].reset_index(drop=True)
    place = part[keys].merge(texts[keys].assign(row=range(len(texts))), on=keys, how="left")["row"]
    counts = np.zeros((len(texts), points))
    values = part["value"].to_numpy(dtype=np.int64) - 1
    np.add.at(counts, (place.to_numpy(dtype=np.int64), values), part["weight"].to_numpy(dtype=float))
    return RatedTexts(dimension, texts, counts, part["rater"].nunique(), len(part))


def _texts(items: pd.DataFrame) -> pd.DataFrame:
    """Columns ``item, language, text``, one row per text that there is."""
    columns = [name for name in items.columns if name.startswith("text_")]
    long = items.melt("item", columns, "language", "text").dropna(subset="text")
    return long.assign(language=long["language"].str.removeprefix("text_"))
