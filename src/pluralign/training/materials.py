"""What all runs of a grid share: base models, tokens of texts, reference log-probabilities, hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pluralign.folder import StudyFolder
from pluralign.manifests import digest_of
from pluralign.progress import Progress
from pluralign.training.base_models import BaseModels
from pluralign.training.cache import Cache, place
from pluralign.training.plans import PlannedRun
from pluralign.training.reference import Scores
from pluralign.training.rewards.features import hidden_states
from pluralign.training.rewards.models import RewardModel
from pluralign.training.rewards.states import States
from pluralign.training.tokens import Tokeniser, Tokens

# Read before what is known is written to the disk, so that a kill costs no more than that.
_READ_TOGETHER = 100


class Materials:
    """Everything is made on first use; runs from the same model, in the same arithmetic, get the same.

    This process holds one of ``parts`` of each base model.
    """

    def __init__(self, folder: StudyFolder, parts: int = 1) -> None:
        self._folder = folder
        self._models = BaseModels(parts)
        self._tokenisers: dict[str, Tokeniser] = {}
        self._scores: dict[str, Scores] = {}
        self._states: dict[str, States] = {}
        self.rewards: dict[tuple[str, str], RewardModel] = {}

    @property
    def models_loaded(self) -> int:
        """How often a base model was read from the disk."""
        return self._models.loaded

    def name(self, run: PlannedRun) -> str:
        """The same for runs that share a base model and an arithmetic."""
        return digest_of([run.manifest.inputs["base model"], run.manifest.config["arithmetic"]])

    def base(self, run: PlannedRun) -> AbstractContextManager[tuple[Any, Any]]:
        """The base model and its tokenizer, lent; ModelError where it cannot be used."""
        return self._models.lent(run.model, run.manifest.config["arithmetic"])

    def forget_models(self) -> None:
        """Free the memory that base models take."""
        self._models.forget()

    def tokeniser(self, run: PlannedRun) -> Tokeniser:
        """What turns texts into the tokens of the run's model."""
        digest = run.manifest.inputs["base model"]
        if digest not in self._tokenisers:
            cache: Cache[list[list[int]]] = Cache(self._folder, "tokens", {"model": digest})
            self._tokenisers[digest] = Tokeniser(lambda: _tokenizer(run.model), cache)
        return self._tokenisers[digest]

    def scores(self, run: PlannedRun) -> Scores:
        """Log-probabilities under the run's base model."""
        name = self.name(run)
        if name not in self._scores:
            self._scores[name] = Scores(Cache(self._folder, "log-probabilities", _origin(run)))
        return self._scores[name]

    def states(
        self, run: PlannedRun, answers: Sequence[tuple[Tokens, Tokens]], progress: Progress
    ) -> NDArray[np.float64]:
        """What reward models read of responses, (n, width), each read by the run's base model once."""
        name = self.name(run)
        if name not in self._states:
            self._states[name] = States(place(self._folder, "hidden-states", _origin(run)))
        known = self._states[name]
        missing = known.missing(answers)
        for begin in range(0, len(missing), _READ_TOGETHER):
            lot = missing[begin : begin + _READ_TOGETHER]
            read = []
            with self.base(run) as (model, _):
                for number, answer in enumerate(lot, start=begin + 1):
                    read.append(hidden_states(model, [answer])[0])
                    progress.advance(0, note=f"{number} of {len(missing)} rated responses read")
            known.add(lot, np.stack(read))
        return known.of(answers)

    def keep(self) -> None:
        """Keep on disk what was tokenised."""
        for tokeniser in self._tokenisers.values():
            tokeniser.keep()


def _origin(run: PlannedRun) -> dict[str, str]:
    """What everything depends on that the base model computes for the run."""
    return {"model": run.manifest.inputs["base model"], **run.manifest.config["arithmetic"]}


def _tokenizer(model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(model), local_files_only=True)
