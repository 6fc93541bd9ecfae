"""Ratings of a round come home: each response is given back to its model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pluralign.errors import DataError, SchemaError
from pluralign.evaluation.rounds.comparing import compare, with_judge
from pluralign.evaluation.rounds.key import Key, key_of, rounds_folder, text_digest
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file, write_manifest
from pluralign.storage import write_csv
from pluralign.study import Study

TABLE = "differences.csv"
_MODELS = "; "


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A round that came back: how many people rated how many responses, and the comparison of the models."""

    name: str
    raters: int
    ratings: int
    differences: pd.DataFrame


def take_back(folder: StudyFolder, study: Study, path: Path) -> Returned:
    """Read what a round collected from ``path``, a release or the round's own folder, and compare the models by it.

    Written to ``evaluation/rounds/<name>/``: the four tables of the ratings with the models' names at the items
    (several where models answered alike), and ``differences.csv``. What an earlier call left there is replaced, so
    that a round can be taken back more than once while it is running.

    Raises SchemaError where a table is missing or damaged, DataError where the items are not a round's, a text is not
    the one that went out, or nobody has rated.
    """
    data = path / "data" if (path / "data").is_dir() else path
    rated = Feedback.load(data)
    used = sorted(rated.ratings["item"].unique())
    if not used:
        raise DataError(f"{data}: there are no ratings yet.")
    if rated.points != study.points:
        raise DataError(
            f"{data}: the ratings have {rated.points} points, the study {study.points}; a round is rated on its "
            "study's scale."
        )
    key = key_of(folder, used, data)
    _refuse_other_texts(rated, key, data)
    home = replace(rated, items=_named(rated.items, key))
    place = rounds_folder(folder) / key.name
    inputs = {name: digest_file(data / f"{name}.parquet") for name in ("items", "raters", "ratings")}
    manifest = Manifest(
        what=f"ratings of {key.name}", inputs=inputs, rows_in=len(home.ratings), seed=study.evaluation.seed
    )
    home.save(place / "data", manifest)
    leading = study.evaluation.all_judges[0].key
    table = with_judge(compare(home.ratings, key.rows, study), key.rows, folder.evaluation, leading)
    table.insert(0, "round", key.name)
    write_csv(table.round(6), place / TABLE)
    described = replace(manifest, what=f"models in {key.name}").of_file(place / TABLE, rows=len(table))
    write_manifest(place / TABLE, described)
    raters = home.ratings["rater"].nunique()
    return Returned(name=key.name, raters=raters, ratings=len(home.ratings), differences=table)


def _refuse_other_texts(rated: Feedback, key: Key, where: Path) -> None:
    rows = key.rows.drop_duplicates("item").merge(rated.items, on="item")
    for row in rows.to_dict("records"):
        column = f"text_{row['language']}"
        if column not in row or text_digest(str(row[column])) != row["text_digest"]:
            raise SchemaError(
                f"{where}: the text of item {row['item']} is not the one that went out with {key.name}, so its ratings "
                "are not about the model's response. Restore the texts of the round's folder."
            )


def _named(items: pd.DataFrame, key: Key) -> pd.DataFrame:
    """``items`` with the places of the models whose words they are."""
    models = key.rows.groupby("item")["place"].agg(lambda places: _MODELS.join(sorted(set(places))))
    return items.assign(model=items["item"].map(models))
