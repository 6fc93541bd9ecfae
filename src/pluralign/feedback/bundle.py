"""Ratings with everything needed to understand them, as one frozen object."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralign import records
from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.feedback import expressions, hashing, sets
from pluralign.feedback.scales import merging
from pluralign.manifests import Manifest, read_manifest

if TYPE_CHECKING:
    from pluralign.feedback.truth import Truth

_OF_ITEMS = ("prompt", "context")


@dataclass(frozen=True, slots=True)
class Feedback:
    """Prompts, items, raters and ratings that belong together (`pluralign.records` declares their columns).

    ``points`` is the number of points of the rating scale; every value is one of 1 to ``points``. Nothing changes a
    bundle: ``where``, ``on_split`` and ``rescale`` return another one. They keep prompts, items and raters that are
    left without ratings, unless they are what was selected by.
    """

    prompts: pd.DataFrame
    items: pd.DataFrame
    raters: pd.DataFrame
    ratings: pd.DataFrame
    points: int

    @classmethod
    def of(
        cls,
        prompts: pd.DataFrame,
        items: pd.DataFrame,
        raters: pd.DataFrame,
        ratings: pd.DataFrame,
        points: int,
        where: str = "feedback",
    ) -> Feedback:
        """The bundle of four tables after checking each and all together; ``where`` names them in messages.

        Raises SchemaError where a table does not hold what its schema declares, names a rater, item or prompt that is
        not there, or holds a value outside the scale.
        """
        feedback = cls(
            prompts=records.check(prompts, records.PROMPTS, f"{where}, prompts"),
            items=records.check(items, records.ITEMS, f"{where}, items"),
            raters=records.check(raters, records.RATERS, f"{where}, raters"),
            ratings=records.check(ratings, records.RATINGS, f"{where}, ratings"),
            points=points,
        )
        _refuse_strangers(feedback, where)
        return feedback

    @classmethod
    def load(cls, path: Path) -> Feedback:
        """Read the four tables in the folder ``path``, as `save` wrote them.

        Raises SchemaError where one is missing, damaged, or does not fit the others.
        """
        sets.recover(path)
        tables = {name: records.read(path / f"{name}.parquet", records.SCHEMAS[name]) for name in sets.TABLES}
        stated = read_manifest(path / "ratings.parquet").config.get("points")
        if not isinstance(stated, int) or stated < 2:
            raise SchemaError(
                f"{path / 'ratings.manifest.json'}: the number of points of the scale is {stated!r}; it must be a "
                "whole number of at least 2. Import or simulate the ratings again."
            )
        feedback = cls(**tables, points=stated)
        _refuse_strangers(feedback, str(path))
        return feedback

    def save(self, path: Path, manifest: Manifest, truth: Truth | None = None) -> None:
        """Write the four tables with manifests, and ``truth.json`` for simulated ratings, into the folder ``path``.

        All appear at once or none: what stood there before stays until the new set is complete, and then only these
        files are replaced. ``manifest`` says where the ratings come from.
        """
        config = {**manifest.config, "points": self.points}

        def write(folder: Path) -> None:
            for name in sets.TABLES:
                table = folder / f"{name}.parquet"
                records.write(getattr(self, name), table, records.SCHEMAS[name], replace(manifest, config=config))
            if truth is not None:
                truth.save(folder)

        sets.replace_set(path, write)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The rated dimensions in alphabetical order."""
        return tuple(sorted(self.ratings["dimension"].unique()))

    def where(self, expression: str, known: Mapping[str, Collection[str]] | None = None) -> Feedback:
        """Only the raters for whom ``expression`` holds (see `pluralign.feedback.expressions`), and their ratings.

        ``known`` gives codes that the expression may name although no rater has them. Raises ConfigError for an
        expression that cannot be used and DataError where no rater or no rating is left.
        """
        matched = expressions.evaluate(expression, self.raters, known)
        chosen = self._of_raters(matched.to_numpy())
        if not matched.any():
            counts = expressions.parts(expression, self.raters, known)
            detail = "; ".join(f"{part}: {count} of {len(self.raters)}" for part, count in counts)
            raise DataError(
                f"No rater satisfies {expression!r} (raters per part: {detail}). Choose a wider group, or collect more "
                "raters."
            )
        if chosen.ratings.empty:
            raise DataError(f"The {len(chosen.raters)} raters with {expression!r} gave no ratings here.")
        return chosen

    def on_split(self, split: str) -> Feedback:
        """Only the prompts of one split (``train`` or ``held-out``), their items and the ratings of these.

        Raises DataError where there are none.
        """
        column = records.PROMPTS.column("split")
        allowed = column.allowed if column else ()
        if split not in allowed:
            raise ConfigError(f"There is no split {split!r}; allowed: {', '.join(allowed)}.")
        chosen = self.of_prompts(self.prompts.loc[self.prompts["split"] == split, "prompt"])
        if chosen.ratings.empty:
            raise DataError(
                f"There are no ratings on {split} prompts: {len(chosen.prompts)} of {len(self.prompts)} prompts are "
                f"{split}, with {len(chosen.items)} items. Change the split of the prompts, or collect ratings of them."
            )
        return chosen

    def of_prompts(self, prompts: Collection[str]) -> Feedback:
        """Only these prompts, their items and the ratings of these, which may be none."""
        known = _rows(self.prompts, self.prompts["prompt"].isin(set(prompts)).to_numpy())
        items = _rows(self.items, self.items["prompt"].isin(known["prompt"]).to_numpy())
        ratings = _rows(self.ratings, self.ratings["item"].isin(items["item"]).to_numpy())
        return replace(self, prompts=known, items=items, ratings=ratings)

    def rescale(self, k: int, neutral: str | None = None) -> Feedback:
        """The same ratings on a scale of ``k`` points, by the rule of `pluralign.feedback.scales.merging`.

        With ``neutral="drop"`` there are fewer ratings afterwards; the difference in length is the number dropped.
        Raises ConfigError for a reduction that is not defined and DataError where no rating is left.
        """
        rule = merging(self.points, k, neutral)
        values = self.ratings["value"].map(rule)
        kept = values.notna().to_numpy(dtype=bool)
        ratings = _rows(self.ratings.assign(value=values.astype("Int16")), kept)
        if ratings.empty:
            raise DataError(
                f"All {len(kept)} ratings are neutral and were dropped; keep them with neutral low or high."
            )
        return replace(self, ratings=ratings, points=k)

    def weight(self, margins: Mapping[str, Mapping[str, float]]) -> Feedback:
        """The same ratings by raters weighted to ``margins``: demographic and code to a share or a count.

        Weights have the mean 1 and replace those that were there. `pluralign.stats.weighting.rake` says what becomes
        of raters without an answer, which errors it raises, and what the weights cost.
        """
        from pluralign.stats.weighting import rake

        weights = rake(self.raters, margins).weights
        return replace(self, raters=self.raters.assign(weight=weights.to_numpy()))

    def long_frame(self) -> pd.DataFrame:
        """One row per rating, in the order of ``ratings``: its columns, then the rater's, then prompt and context."""
        of_items = self.items[["item", *_OF_ITEMS]]
        return self.ratings.merge(self.raters, on="rater", how="left").merge(of_items, on="item", how="left")

    def _of_raters(self, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Feedback:
        raters = _rows(self.raters, mask)
        return replace(
            self, raters=raters, ratings=_rows(self.ratings, self.ratings["rater"].isin(raters["rater"]).to_numpy())
        )


def split_raters(feedback: Feedback, share: float, seed: int) -> tuple[Feedback, Feedback]:
    """Two bundles with disjoint raters: those left for tuning, and a ``share`` of them for the judge.

    On which side a rater falls depends on ``seed`` and the rater's identifier only, so the split of a group is the
    same as the group of the split; the share is therefore met on average, not exactly. Raises ConfigError for a share
    outside 0 to 1 and DataError where one side has no ratings.
    """
    if not 0 < share < 1:
        raise ConfigError(f"The share of raters set apart is {share}; it must lie between 0 and 1.")
    judging = hashing.chosen(feedback.raters["rater"], share, seed, "judge")
    sides = feedback._of_raters(~judging), feedback._of_raters(judging)
    for side, name in zip(sides, ("tuning", "the judge"), strict=True):
        if side.ratings.empty:
            raise DataError(
                f"Setting apart {share:.0%} of {len(feedback.raters)} raters with seed {seed} leaves no ratings for "
                f"{name}. Collect more raters, or choose another share or seed."
            )
    return sides


def _rows(frame: pd.DataFrame, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> pd.DataFrame:
    return frame.loc[mask].reset_index(drop=True)


def _refuse_strangers(feedback: Feedback, where: str) -> None:
    """Raise SchemaError where the tables do not belong together."""
    for table, key, known in (
        ("ratings", "rater", feedback.raters),
        ("ratings", "item", feedback.items),
        ("items", "prompt", feedback.prompts),
    ):
        rows: pd.DataFrame = getattr(feedback, table)
        strange = ~rows[key].isin(known[key])
        if strange.any():
            raise SchemaError(
                f"{where}: {int(strange.sum())} {table} name a {key} that is not in the table of {key}s; the first is "
                f"{rows.loc[strange, key].iloc[0]}. Make both tables from the same data."
            )
    outside = ~feedback.ratings["value"].between(1, feedback.points)
    if outside.any():
        first = feedback.ratings.loc[outside].iloc[0]
        raise SchemaError(
            f"{where}: {int(outside.sum())} ratings lie outside the scale 1 to {feedback.points}; the first is "
            f"{first['value']}, by rater {first['rater']} of item {first['item']} on {first['dimension']}. Correct the "
            "values, or import them again leaving them out."
        )
    taken = {column.name for schema in (records.RATINGS, records.ITEMS) for column in schema.columns}
    clash = sorted((set(feedback.raters.columns) - {"rater"}) & taken)
    if clash:
        raise SchemaError(
            f"{where}: the table of raters has the column {', '.join(clash)}, which names something else in ratings or "
            "items. Rename it."
        )
