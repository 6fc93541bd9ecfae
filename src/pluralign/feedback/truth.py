"""What was planted in simulated ratings, kept so that estimates can be compared with it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralign.errors import ConfigError, MismatchError, SchemaError
from pluralign.feedback.quality import definition, quality
from pluralign.feedback.sets import TRUTH
from pluralign.storage import write_json

ByLanguage = Mapping[str, Mapping[str, float]]
Qualities = TypeVar("Qualities", np.float64, NDArray[np.float64])


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The model behind simulated ratings, on the logit scale; a positive effect moves ratings to higher values.

    ``effects`` maps dimension, demographic and code to a log odds; what is not named is 0. ``thresholds`` has K - 1
    values per dimension, ``rater_sd`` the standard deviation of the raters' intercepts. The effect of an item is
    ``quality_weight``, plus the rater's ``tastes`` (named as effects are), times its standardised quality, plus noise
    with the standard deviation ``item_noise_sd``; ``quality_mean`` and ``quality_sd`` hold the constants of the
    standardisation by dimension and language, taken over the simulated items, and ``quality_definition`` says which
    quality was meant.
    """

    FILE: ClassVar[str] = TRUTH

    seed: int
    raters: int
    effects: Mapping[str, Mapping[str, Mapping[str, float]]]
    thresholds: Mapping[str, list[float]]
    rater_sd: Mapping[str, float]
    quality_weight: Mapping[str, float]
    item_noise_sd: float
    quality_mean: ByLanguage
    quality_sd: ByLanguage
    quality_definition: str
    tastes: Mapping[str, Mapping[str, Mapping[str, float]]]

    def standing(self, text: str, dimension: str, language: str) -> float:
        """Standardised quality of a response with this text; 0 for an average one.

        Raises ConfigError for a dimension or language that was not simulated.
        """
        if language not in self.quality_mean.get(dimension, {}):
            known = ", ".join(f"{key} ({', '.join(languages)})" for key, languages in self.quality_mean.items())
            raise ConfigError(f"Nothing was simulated for {dimension} in {language}; there are: {known}.")
        if self.quality_definition != definition():
            raise MismatchError(
                "The ratings were simulated with another definition of quality than this version of pluralign has. "
                "Simulate them again."
            )
        return float(self.standardised(np.float64(quality(text, dimension, language)), dimension, language))

    def standardised(self, qualities: Qualities, dimension: str, language: str) -> Qualities:
        """Qualities in standard deviations from the mean; 0 where all simulated texts were equally good."""
        sd = self.quality_sd[dimension][language]
        return (qualities - self.quality_mean[dimension][language]) / (sd or math.inf)

    def level_effects(self) -> dict[str, dict[str, dict[str, float]]]:
        """Effects as a model without a term for tastes can find them: NaN for answers with tastes of their own, which
        have another effect on each text.
        """
        found = {key: {name: dict(codes) for name, codes in by.items()} for key, by in self.effects.items()}
        for dimension, by_demographic in self.tastes.items():
            for demographic, by_code in by_demographic.items():
                answers = found.setdefault(dimension, {}).setdefault(demographic, {})
                answers.update({code: math.nan for code, taste in by_code.items() if taste})
        return found

    def shifts(self, dimension: str, raters: pd.DataFrame) -> NDArray[np.float64]:
        """What the raters' answers add to their ratings, (raters,), on the logit scale."""
        return _summed(self.effects.get(dimension, {}), raters)

    def weights(self, dimension: str, raters: pd.DataFrame) -> NDArray[np.float64]:
        """Weight that each rater gives to quality, (raters,)."""
        return self.quality_weight[dimension] + _summed(self.tastes.get(dimension, {}), raters)

    def item_sd(self, dimension: str) -> float:
        """Standard deviation of the items' effects, quality and noise together."""
        return math.hypot(self.quality_weight[dimension], self.item_noise_sd)

    def save(self, folder: Path) -> None:
        """Write ``truth.json`` into ``folder``."""
        write_json(asdict(self), folder / self.FILE)

    @classmethod
    def load(cls, folder: Path) -> Truth:
        """Read ``truth.json`` from ``folder``; SchemaError where there is none or it cannot be used."""
        file = folder / cls.FILE
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SchemaError(f"{file}: there is no such file; only simulated ratings have one.") from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SchemaError(f"{file}: this is not readable JSON ({error}). Simulate the ratings again.") from error
        names = {entry.name for entry in fields(cls)}
        if not isinstance(content, dict) or content.keys() != names:
            raise SchemaError(
                f"{file}: this does not hold what was planted in a simulation. Simulate the ratings again."
            )
        return cls(**content)


def _summed(planted: Mapping[str, Mapping[str, float]], raters: pd.DataFrame) -> NDArray[np.float64]:
    """Sum over the demographics of what is planted for each rater's answer, (raters,)."""
    total = np.zeros(len(raters))
    for demographic, by_code in planted.items():
        total += raters[demographic].map(dict(by_code)).fillna(0.0).to_numpy(dtype=float)
    return total
