"""What the models of a condition learn from: its pairs, their texts, rated responses; and what is kept from tries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from pluralign.errors import DataError, SchemaError
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.language_models import Sampling, seed_from
from pluralign.manifests import digest_file, digest_of, read_manifest
from pluralign.preferences import to_trl
from pluralign.records import ITEMS, PAIRS, PROMPTS, read
from pluralign.study import Study, Training
from pluralign.training.grid import RunKey
from pluralign.training.rated import of_items, rated_items, tuning_ratings
from pluralign.training.rewards.models import rating_table

_Name = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Aside:
    """What a model on which settings are tried is measured by: its responses to ``prompts`` (identifiers and texts),
    which are kept from it, ``samples`` to each, as a referee likes them who learns from the ratings of these prompts
    only; ``ratings`` is their digest.
    """

    prompts: Mapping[str, str]
    samples: int
    sampling: Sampling
    ratings: str


@dataclass(frozen=True, slots=True)
class LearningData:
    """``pairs`` with their texts in ``table``; ``rated`` are single responses, for methods that learn from them.

    ``digests`` are those of all this by name; ``ratings`` is the digest of the ratings that the pairs were made from.
    """

    pairs: pd.DataFrame
    table: pd.DataFrame
    rated: pd.DataFrame | None
    digests: Mapping[str, str]
    ratings: str


class LearningTables:
    """The tables of a study, each read once and only where it is needed."""

    def __init__(self, folder: StudyFolder, study: Study) -> None:
        self._folder = folder
        self._study = study
        self._ratings: dict[tuple[str, str], Feedback] = {}
        self._asides: dict[tuple[str, str, int], Aside] = {}
        self._data: dict[_Name, LearningData] = {}

    def require_texts(self) -> None:
        """Read prompts and responses; SchemaError where that cannot be done."""
        _ = self._prompts, self._items

    def data(self, key: RunKey, training: Training) -> LearningData:
        """What the run learns from: the same for all seeds of a condition, and for all its tries.

        Raises DataError where there is nothing, SchemaError where a table cannot be read.
        """
        name = (key.experiment, key.condition, key.tried > 0)
        if name not in self._data:
            self._data[name] = self._gathered(key, training)
        return self._data[name]

    def aside(self, key: RunKey, training: Training) -> Aside | None:
        """What a tried model is measured by, None for a final one; DataError where nothing can be set aside."""
        if not key.tried:
            return None
        name = (key.experiment, key.condition, key.seed)
        if name not in self._asides:
            self._asides[name] = self._set_aside(key, training)
        return self._asides[name]

    @cached_property
    def _prompts(self) -> pd.DataFrame:
        return read(self._folder.data / "prompts.parquet", PROMPTS)

    @cached_property
    def _items(self) -> pd.DataFrame:
        return read(self._folder.data / "items.parquet", ITEMS)

    @cached_property
    def _feedback(self) -> Feedback:
        return Feedback.load(self._folder.data)

    def _gathered(self, key: RunKey, training: Training) -> LearningData:
        file, aside = self._pairs_file(key), self.aside(key, training)
        pairs = self._pairs(key, file, aside)
        table = to_trl(pairs, self._prompts, self._items, training.language)
        digests = {
            "pairs": digest_file(file),
            "texts": digest_of(table[["prompt", "chosen", "rejected"]].to_dict("list")),
        }
        rated = self._rated(key, pairs) if training.method == "kto" else None
        if rated is not None:
            digests["rated responses"] = digest_of(rated.round(9).to_dict("list"))
        if training.method in ("grpo", "rloo"):
            ratings = ratings_for_reward(self._tuning_ratings(key), aside)
            digests["ratings"] = digest_of(rating_table(ratings).to_dict("list"))
        return LearningData(pairs, table, rated, digests, _ratings_behind(file))

    def _pairs_file(self, key: RunKey) -> Path:
        file = self._folder.pairs(key.experiment, key.condition)
        if not file.is_file():
            raise DataError(
                f"{file}: there are no preference pairs for experiment {key.experiment}, condition {key.condition}. "
                "`pluralign prefer` makes them, or says why there are none."
            )
        return file

    def _pairs(self, key: RunKey, file: Path, aside: Aside | None) -> pd.DataFrame:
        pairs = read(file, PAIRS)
        if aside is None:
            return pairs
        kept = pairs.loc[~pairs["prompt"].isin(aside.prompts)].reset_index(drop=True)
        if kept.empty:
            raise DataError(
                f"Experiment {key.experiment}, condition {key.condition}: all {len(pairs)} pairs are on the "
                f"{len(aside.prompts)} prompts that are set aside, so no setting can be tried. Lower search.set_aside, "
                "or collect ratings of more prompts."
            )
        return kept

    def _set_aside(self, key: RunKey, training: Training) -> Aside:
        search, seed = self._study.experiment(key.experiment).search, self._study.evaluation.seed
        assert search is not None
        prompts = set_aside(self._askable(training.language), search.set_aside, seed)
        ratings = rating_table(self._tuning_ratings(key).of_prompts(prompts))
        if ratings.empty:
            raise DataError(
                f"Experiment {key.experiment}, condition {key.condition}: its raters rated nothing on the "
                f"{len(prompts)} prompts that are set aside, so settings cannot be compared. Raise search.set_aside."
            )
        # One draw for all settings with one seed: what differs is then the model.
        draw = seed_from(f"search/{seed}/{key.seed}")
        sampling = Sampling(search.max_new_tokens, search.temperature, search.top_p, draw)
        return Aside(prompts, search.samples, sampling, digest_of(ratings.to_dict("list")))

    def _askable(self, language: str) -> dict[str, str]:
        """Texts of the train prompts that have responses."""
        column = f"text_{language}"
        train = self._prompts.loc[
            (self._prompts["split"] == "train") & self._prompts["prompt"].isin(self._items["prompt"])
        ]
        if column not in train:
            return {}
        known = train.loc[train[column].notna()]
        return dict(zip(known["prompt"], known[column], strict=True))

    def _tuning_ratings(self, key: RunKey) -> Feedback:
        name = (key.experiment, key.condition)
        if name not in self._ratings:
            experiment = self._study.experiment(key.experiment)
            condition = experiment.condition(key.condition)
            self._ratings[name] = tuning_ratings(self._feedback, self._study, experiment, condition)
        return self._ratings[name]

    def _rated(self, key: RunKey, pairs: pd.DataFrame) -> pd.DataFrame:
        experiment = self._study.experiment(key.experiment)
        rated = rated_items(self._tuning_ratings(key), self._study, experiment, experiment.condition(key.condition))
        where = f"Experiment {key.experiment}, condition {key.condition}"
        return of_items(rated, {*pairs["chosen"], *pairs["rejected"]}, where)


def ratings_for_reward(ratings: Feedback, aside: Aside | None) -> Feedback:
    """A condition's ratings without those of the prompts that are set aside."""
    if aside is None:
        return ratings
    return ratings.of_prompts(set(ratings.prompts["prompt"]) - set(aside.prompts))


def set_aside(texts: Mapping[str, str], share: float, seed: int) -> dict[str, str]:
    """A ``share`` of the prompts, at least one, in the order of their identifiers; which, follows from a hash of
    ``seed`` and the identifier.

    Raises DataError where none or all would be set aside.
    """
    number = max(1, round(share * len(texts)))
    if number >= len(texts):
        raise DataError(
            f"Of {len(texts)} train prompts with responses {number} would be set aside to compare settings by, and "
            "none left to learn from. Lower search.set_aside, or collect ratings of more prompts."
        )
    chosen = sorted(texts, key=lambda prompt: hashlib.sha256(f"search/{seed}/{prompt}".encode()).digest())[:number]
    return {prompt: texts[prompt] for prompt in sorted(chosen)}


def _ratings_behind(pairs: Path) -> str:
    """Digest of the ratings from which the pairs were made; empty where their manifest does not say."""
    try:
        return read_manifest(pairs).inputs.get("data/ratings.parquet", "")
    except SchemaError:
        return ""
