"""A run, what it is made from, and its manifest as far as it is known beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pluralign.folder import StudyFolder
from pluralign.language_models import fast_dtype, model_digest, resolve
from pluralign.manifests import Manifest
from pluralign.study import Study, Training
from pluralign.training.grid import RunKey
from pluralign.training.learning_data import Aside, LearningTables
from pluralign.training.results import is_said_done
from pluralign.training.settings import settings


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run, what it is made from, and its manifest as far as it is known before tokens are counted.

    ``pairs`` are the condition's pairs and ``table`` their texts; ``rated`` are single responses, for methods that
    learn from them. ``aside`` is None for a final model.
    """

    key: RunKey
    training: Training
    folder: Path
    shared: Path
    model: Path
    pairs: pd.DataFrame
    table: pd.DataFrame
    rated: pd.DataFrame | None
    objective: Mapping[str, float]
    manifest: Manifest
    aside: Aside | None = None

    @property
    def asked(self) -> list[str]:
        """The texts of the prompts in the pairs, each once, in the order of their identifiers."""
        texts = {
            prompt: text[-1]["content"] for prompt, text in zip(self.pairs["prompt"], self.table["prompt"], strict=True)
        }
        return [texts[prompt] for prompt in sorted(texts)]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to tune."""
        return is_said_done(self.folder)


class Plans:
    """Makes the plans of a study's runs."""

    def __init__(self, folder: StudyFolder, study: Study) -> None:
        self._folder = folder
        self._study = study
        self._tables = LearningTables(folder, study)

    def require_texts(self) -> None:
        """Read prompts and responses; SchemaError where that cannot be done."""
        self._tables.require_texts()

    def plan(self, key: RunKey, training: Training) -> PlannedRun:
        """The run ``key`` with today's inputs. Raises DataError without pairs to learn from, SchemaError where a table
        cannot be read, ModelError without the base model.
        """
        data = self._tables.data(key, training)
        model, where = resolve(training.model), device()
        dtype = fast_dtype(where) if training.precision == "auto" else training.precision
        manifest = Manifest(
            what=_what(key),
            config={
                "settings": settings(training),
                "arithmetic": {"device": where, "dtype": dtype},
                "ratings": data.ratings,
            },
            seed=key.seed,
            inputs={**data.digests, "base model": model_digest(model)},
            rows_in=len(data.pairs if data.rated is None else data.rated),
        )
        return PlannedRun(
            key,
            training,
            key.folder(self._folder),
            key.shared(self._folder),
            model,
            data.pairs,
            data.table,
            data.rated,
            self._study.experiment(key.experiment).objective,
            manifest,
            self._tables.aside(key, training),
        )


def device() -> str:
    """``cuda`` where there is an accelerator, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def any_pairs(folder: StudyFolder, keys: Iterable[RunKey]) -> bool:
    """Whether there are preference pairs for any of the runs."""
    return any(folder.pairs(key.experiment, key.condition).is_file() for key in keys)


def _what(key: RunKey) -> str:
    where = f"experiment {key.experiment}, condition {key.condition}"
    return f"model on which setting {key.tried} is tried for {where}" if key.tried else f"model tuned for {where}"
