"""The truth of a simulation, on the scale of the ratings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pluralign.evaluation.planted import Planted
from pluralign.feedback import Truth
from pluralign.feedback.quality import definition

TEXTS = ["I understand how you feel.", "You stupid idiot.", "Perhaps."]


def truth() -> Truth:
    return Truth(
        seed=1,
        raters=4,
        effects={"toxicity": {"country": {"de": 0.8}}},
        thresholds={"toxicity": [-1.0, 0.0, 1.5]},
        rater_sd={"toxicity": 0.9},
        quality_weight={"toxicity": 1.0},
        item_noise_sd=0.3,
        quality_mean={"toxicity": {"en": 0.1}},
        quality_sd={"toxicity": {"en": 0.2}},
        quality_definition=definition(),
        tastes={"toxicity": {"country": {"de": -1.6}}},
    )


RATERS = pd.DataFrame({"rater": list("abcd"), "country": ["de", "us", "us", None]})


def test_expected_ratings_are_those_of_many_simulated_raters() -> None:
    planted = Planted(truth(), RATERS)
    points = planted.points(TEXTS, "toxicity", "en")
    assert points is not None
    standing = np.array([truth().standing(text, "toxicity", "en") for text in TEXTS])
    generator = np.random.default_rng(0)
    german = generator.random(200_000) < 0.25
    person = np.where(german, 0.8, 0.0) + generator.normal(0, 0.9, 200_000) + generator.normal(0, 0.3, 200_000)
    effects = standing[:, None] * np.where(german, 1.0 - 1.6, 1.0)
    assert planted.effects(TEXTS, "toxicity", "en") == pytest.approx(standing * (1.0 - 1.6 / 4))
    latent = effects + person + generator.logistic(size=200_000)
    drawn = 1 + np.searchsorted([-1.0, 0.0, 1.5], latent)
    assert points == pytest.approx(drawn.mean(axis=1), abs=0.01)
    assert points.argmax() == 1


def test_what_was_not_simulated_has_no_truth() -> None:
    planted = Planted(truth(), RATERS)
    assert planted.points(TEXTS, "toxicity", "de") is None
    assert planted.effects(TEXTS, "kindness", "en") is None


def test_real_ratings_have_no_truth(tmp_path: Path) -> None:
    assert Planted.load(tmp_path, RATERS) is None
    truth().save(tmp_path)
    assert Planted.load(tmp_path, RATERS) is not None
