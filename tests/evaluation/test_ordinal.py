"""The ordinal model: probabilities, gradient, recovery, and the choice of the penalty."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit

from pluralign.errors import DataError
from pluralign.evaluation import ordinal

THRESHOLDS = np.array([-1.0, 0.5, 1.5])
WEIGHTS = np.array([1.0, -0.5])


def drawn(number: int, ratings: int, seed: int = 0) -> tuple[ordinal.FloatArray, ordinal.FloatArray]:
    """Features (number, 2) and counts (number, 4) of ratings from a model with the weights above."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(number, 2))
    features -= features.mean(axis=0)
    model = ordinal.OrdinalRidge(THRESHOLDS, WEIGHTS, 1.0)
    counts = np.array([generator.multinomial(ratings, row / row.sum()) for row in model.predict_proba(features)])
    return features, counts.astype(float)


def test_probabilities_follow_the_cumulative_model_and_sum_to_one() -> None:
    model = ordinal.OrdinalRidge(THRESHOLDS, WEIGHTS, 1.0)
    features = np.array([[0.3, -1.0], [2.0, 0.0]])
    probabilities = model.predict_proba(features)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    # P(Y <= 2) = F(0.5 - (0.3 * 1 + 1 * 0.5))
    assert probabilities[0, :2].sum() == pytest.approx(expit(0.5 - 0.8))
    assert model.predict_expected(features) == pytest.approx(probabilities @ [1, 2, 3, 4])


def test_gradient_equals_finite_differences() -> None:
    features, counts = drawn(12, 3)
    parameters = np.array([-0.7, 0.2, -0.4, 0.3, -0.9])
    _, gradient = ordinal.penalised_loss(parameters, features, counts, 0.7)

    def loss(at: ordinal.FloatArray) -> float:
        return ordinal.penalised_loss(at, features, counts, 0.7)[0]

    numeric = approx_fprime(parameters, loss, 1e-7)
    assert gradient == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_many_ratings_recover_weights_and_thresholds() -> None:
    features, counts = drawn(400, 50)
    model = ordinal.fit(features, counts, prior_sd=100.0)
    assert model.weights == pytest.approx(WEIGHTS, abs=0.05)
    assert model.thresholds == pytest.approx(THRESHOLDS, abs=0.05)


def test_a_strong_penalty_leaves_the_marginal_shares() -> None:
    features, counts = drawn(200, 10)
    model = ordinal.fit(features, counts, prior_sd=1e-4)
    assert model.weights == pytest.approx(0, abs=1e-4)
    assert model.predict_proba(features)[0] == pytest.approx(counts.sum(axis=0) / counts.sum(), abs=1e-3)


def test_more_features_than_texts_can_be_fitted() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(6, 50))
    counts = np.eye(3)[[0, 1, 2, 2, 1, 0]]
    model = ordinal.fit(features - features.mean(axis=0), counts, prior_sd=1.0)
    assert model.weights.shape == (50,)
    assert (np.diff(model.thresholds) > 0).all()


def test_a_category_that_nobody_chose_keeps_finite_thresholds() -> None:
    features, counts = drawn(50, 5)
    counts[:, 0] = 0
    model = ordinal.fit(features, counts, prior_sd=1.0)
    assert np.isfinite(model.thresholds).all()
    assert (np.diff(model.thresholds) > 0).all()


def test_no_ratings_are_an_error() -> None:
    with pytest.raises(DataError, match="no ratings"):
        ordinal.fit(np.zeros((3, 2)), np.zeros((3, 5)), 1.0)


def test_cross_validation_prefers_a_weak_penalty_for_signal_and_a_strong_one_for_noise() -> None:
    features, counts = drawn(200, 20)
    groups = np.arange(200) // 4
    chosen, scores = ordinal.choose_prior_sd(features, counts, groups, (0.01, 1.0), folds=5)
    assert chosen == 1.0
    assert scores[1] > scores[0]
    noise = np.random.default_rng(1).normal(size=(200, 150))
    chosen, _ = ordinal.choose_prior_sd(noise - noise.mean(axis=0), counts, groups, (0.01, 10.0), folds=5)
    assert chosen == 0.01


def test_one_group_cannot_be_held_out_so_the_strongest_penalty_is_taken() -> None:
    features, counts = drawn(10, 5)
    chosen, scores = ordinal.choose_prior_sd(features, counts, np.zeros(10, dtype=np.int64), (2.0, 0.5), folds=5)
    assert chosen == 0.5
    assert np.isnan(scores).all()
