"""Reward models find what was planted in ratings, and say how good they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit

from pluralign.errors import DataError
from pluralign.training.rewards import fit as reward_fit
from pluralign.training.rewards.fit import Ratings, fit, log_score
from pluralign.training.rewards.models import learn, numbered
from pluralign.training.rewards.quality import quality

ITEMS, RATERS, EACH = 120, 150, 12
GENERATOR = np.random.default_rng(3)
STATES = GENERATOR.normal(size=(ITEMS, 6))
TABLE = pd.DataFrame({"item": [f"i{n}" for n in range(ITEMS)], "prompt": [f"p{n // 3:02}" for n in range(ITEMS)]})
GROUP = {f"r{n}": n % 2 for n in range(RATERS)}


def ratings(slope: float = 1.0, group_slope: float = 0.0, rater_sd: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Ratings on five points whose log odds rise by ``slope`` with the first state, and in group 1 with the second."""
    generator = np.random.default_rng(seed)
    cuts = np.array([-2.0, -0.7, 0.7, 2.0])
    rows = []
    for rater, group in GROUP.items():
        lenient = generator.normal() * rater_sd
        for item in generator.choice(ITEMS, EACH, replace=False):
            eta = slope * STATES[item, 0] + (group_slope * STATES[item, 1] if group else 0) + lenient
            value = 1 + int((generator.uniform() > expit(cuts - eta)).sum())
            rows.append((rater, f"i{item}", "kindness", value, 1.0))
    return pd.DataFrame(rows, columns=["rater", "item", "dimension", "value", "weight"])


def test_the_gradient_is_that_of_the_likelihood() -> None:
    generator = np.random.default_rng(0)
    m = 30
    rated = Ratings(
        response=generator.integers(0, 8, m),
        value=generator.integers(0, 4, m),
        weight=generator.uniform(0.5, 2, m),
        rater=generator.integers(0, 5, m),
        group=np.zeros(m, dtype=np.int64),
        prompt=np.arange(8),
    )
    thresholds, eta = np.array([-1.0, 0.2, 1.5]), generator.normal(size=m)

    def by_cuts(cuts: np.ndarray[Any, Any]) -> float:
        return reward_fit._likelihood(cuts, eta, rated)[0]

    def by_predictor(predictor: np.ndarray[Any, Any]) -> float:
        return reward_fit._likelihood(thresholds, predictor, rated)[0]

    _, by_threshold, by_eta, information = reward_fit._likelihood(thresholds, eta, rated)
    assert by_threshold == pytest.approx(approx_fprime(thresholds, by_cuts, 1e-7), abs=1e-4)
    assert by_eta == pytest.approx(approx_fprime(eta, by_predictor, 1e-7), abs=1e-4)
    steps = [reward_fit._likelihood(thresholds, eta + step, rated)[2] for step in (1e-5, -1e-5)]
    assert information == pytest.approx(-(steps[0] - steps[1]) / 2e-5, abs=1e-4)


def test_a_planted_slope_and_the_raters_variance_are_found() -> None:
    rated = numbered(ratings(slope=1.0, rater_sd=1.5), TABLE, None)
    features = STATES - STATES.mean(axis=0)
    head = fit(features, rated, 5, grouped=False, lenient=True)
    assert head.weights[0] == pytest.approx(1.0, abs=0.15)
    assert np.abs(head.weights[1:]).max() < 0.2
    assert head.rater_sd == pytest.approx(1.5, abs=0.25)
    assert head.probabilities(features).sum(axis=1) == pytest.approx(np.ones(ITEMS))
    # Who is taken for an average rater is known worse than who may be lenient.
    fixed = fit(features, rated, 5, grouped=False, lenient=False)
    fresh = numbered(ratings(slope=1.0, rater_sd=1.5, seed=2), TABLE, None)
    assert log_score(head, features, fresh).mean() > log_score(fixed, features, fresh).mean() - 0.01
    assert fixed.rater_sd == 0


def test_groups_have_heads_of_their_own_and_the_worst_off_counts_where_asked() -> None:
    table = ratings(slope=0.5, group_slope=1.5)
    signs = {"kindness": -1.0}
    models = {
        worst: learn(STATES, TABLE, table, signs, 5, groups=GROUP, worst=worst, lenient=False)
        for worst in (True, False)
    }
    head = models[True].heads["kindness"]
    assert head.group_shifts.shape == (2,)
    features = models[True].features(STATES)
    apart = head.latent(features, 1) - head.latent(features, 0)
    assert np.corrcoef(apart, STATES[:, 1])[0, 1] > 0.95
    each = np.stack([-head.latent(features, group) for group in (0, 1)])
    assert models[True].reward("kindness", STATES) == pytest.approx(each.min(axis=0))
    assert models[False].reward("kindness", STATES) == pytest.approx(each.mean(axis=0))


def test_a_reward_that_is_the_same_for_all_responses_is_refused() -> None:
    same = ratings().assign(value=3)
    with pytest.raises(DataError, match="reward for kindness is the same for all responses"):
        learn(STATES, TABLE, same, {"kindness": 1.0}, 5, groups=None, worst=False, lenient=False)
    with pytest.raises(DataError, match="no ratings on toxicity"):
        learn(STATES, TABLE, same, {"toxicity": 1.0}, 5, groups=None, worst=False, lenient=False)


def test_quality_tells_a_useful_reward_from_one_that_serves_one_group_only() -> None:
    model = learn(STATES, TABLE, ratings(), {"kindness": 1.0}, 5, groups=None, worst=False, lenient=False)
    unseen = ratings(seed=9)
    opposed = unseen["rater"].map(GROUP) == 1
    unseen["value"] = unseen["value"].where(~opposed, 6 - unseen["value"])
    sides = {"side": {rater: "against" if group else "for" for rater, group in GROUP.items()}}
    table = quality(model, STATES, TABLE, unseen, sides, None, seed=0).set_index("group")
    assert list(table.index) == ["everybody", "side: against", "side: for"]
    low, high = table["spearman_low"].to_dict(), table["spearman_high"].to_dict()
    assert low["side: for"] > 0.5
    assert high["side: against"] < -0.5
    assert table["gain_low"].to_dict()["side: for"] > 0 > table["gain_high"].to_dict()["side: against"]
    assert (table["spearman_low"] <= table["spearman"]).all()
    few = quality(model, STATES, TABLE, unseen.iloc[:3], {}, None, seed=0)
    assert "spearman" not in few or few["spearman"].isna().all()
