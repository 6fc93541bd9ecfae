"""Cumulative logit regression of single ratings on a response's features, rater groups and raters.

    P(Y ≤ k) = F(θ_k − η),   η = x·w + x·w_g + s_g + u_r,   F logistic

``w`` says what everybody values, ``w_g`` and ``s_g`` how group g departs from it, ``u_r`` how lenient rater r is. All
have normal priors of mean 0: ``prior_sd`` for w, half of it for w_g, 1 for s_g, and for u the standard deviation that
the ratings themselves suggest (a random intercept, by Laplace's approximation to the EM algorithm).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PRIOR_SDS = (0.25, 0.5, 1.0, 2.0)
_FOLDS = 4
_ROUNDS = 8
_NODES, _MASSES = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, slots=True)
class Ratings:
    """m ratings of n responses on one dimension: number of the response (m,), ``value`` from 0 (m,), ``weight`` (m,),
    numbers of rater and group (m,) from 0, and of each response's prompt (n,).
    """

    response: IntArray
    value: IntArray
    weight: FloatArray
    rater: IntArray
    group: IntArray
    prompt: IntArray

    def where(self, mask: NDArray[np.bool_]) -> Ratings:
        """Those ratings for which the mask (m,) holds."""
        return Ratings(
            response=self.response[mask],
            value=self.value[mask],
            weight=self.weight[mask],
            rater=self.rater[mask],
            group=self.group[mask],
            prompt=self.prompt,
        )


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted model. ``thresholds`` (K − 1,), ``weights`` (q,), ``group_weights`` (G, q), ``group_shifts`` (G,);
    G is 0 without groups; ``rater_sd`` is 0 without random intercepts.
    """

    thresholds: FloatArray
    weights: FloatArray
    group_weights: FloatArray
    group_shifts: FloatArray
    rater_sd: float
    prior_sd: float

    def latent(self, features: FloatArray, group: int | None = None) -> FloatArray:
        """Log odds of a higher rating, (n,), of the average rater, or of the average rater of a group."""
        if group is None:
            latent: FloatArray = features @ self.weights
        else:
            latent = features @ (self.weights + self.group_weights[group]) + self.group_shifts[group]
        return latent

    def probabilities(self, features: FloatArray, group: int | None = None) -> FloatArray:
        """Probability of each category for a rater not seen before, (n, K): averaged over raters' leniency."""
        latent = self.latent(features, group)
        masses = _MASSES / _MASSES.sum()
        at_most = sum(
            mass * expit(self.thresholds[None, :] - (latent + self.rater_sd * node)[:, None])
            for node, mass in zip(_NODES, masses, strict=True)
        )
        edges = np.ones((len(latent), 1))
        shares: FloatArray = np.diff(np.hstack([0 * edges, np.asarray(at_most), edges]), axis=1)
        return shares


def fit(features: FloatArray, ratings: Ratings, points: int, *, grouped: bool, lenient: bool) -> Head:
    """The head for ``features`` (n, q), columns of mean 0. ``grouped`` gives groups weights of their own, ``lenient``
    raters a random intercept. The prior's width is the one under which ratings on unseen prompts are likeliest.
    """
    prior_sd = _choose_prior_sd(features, ratings, points)
    groups = int(ratings.group.max()) + 1 if grouped else 0
    if not lenient:
        return _fit(features, ratings, points, prior_sd, groups, 0.0)[0]
    rater_sd = 1.0
    for _ in range(_ROUNDS):
        head, intercepts, variance = _fit(features, ratings, points, prior_sd, groups, rater_sd)
        rater_sd = float(np.sqrt((intercepts**2 + variance).mean()))
    return head


def _choose_prior_sd(features: FloatArray, ratings: Ratings, points: int) -> float:
    fold = ratings.prompt % _FOLDS
    if len(np.unique(fold)) < 2:
        return PRIOR_SDS[0]
    scores = []
    for prior_sd in PRIOR_SDS:
        score = 0.0
        for out in np.unique(fold):
            unseen = fold[ratings.response] == out
            head, _, _ = _fit(features, ratings.where(~unseen), points, prior_sd, 0, 0.0)
            score += log_score(head, features, ratings.where(unseen)).sum()
        scores.append(score)
    return PRIOR_SDS[int(np.argmax(scores))]


def log_score(head: Head, features: FloatArray, ratings: Ratings) -> FloatArray:
    """Log probability of each rating, (m,), under the head of the rater's group where there are groups."""
    if not len(head.group_shifts):
        given = head.probabilities(features)[ratings.response, ratings.value]
    else:
        each = np.stack([head.probabilities(features, group) for group in range(len(head.group_shifts))])
        given = each[ratings.group, ratings.response, ratings.value]
    logs: FloatArray = np.log(np.maximum(given, 1e-12))
    return logs


def _fit(
    features: FloatArray, ratings: Ratings, points: int, prior_sd: float, groups: int, rater_sd: float
) -> tuple[Head, FloatArray, FloatArray]:
    """The head, the raters' intercepts and their posterior variances (empty without random intercepts)."""
    q, cut = features.shape[1], points - 1
    raters = int(ratings.rater.max()) + 1 if rater_sd > 0 else 0
    sizes = (cut, q, groups * q, groups, raters)
    ends = np.cumsum(sizes)
    spread = np.concatenate(
        [np.full(q, prior_sd), np.full(groups * q, prior_sd / 2), np.ones(groups), np.full(raters, rater_sd or 1.0)]
    )

    def parts(parameters: FloatArray) -> list[FloatArray]:
        return list(np.split(parameters, ends[:-1]))

    def predictor(w: FloatArray, by_group: FloatArray, shift: FloatArray, u: FloatArray) -> FloatArray:
        eta = (features @ w)[ratings.response]
        if groups:
            eta = (
                eta + (features @ by_group.reshape(groups, q).T)[ratings.response, ratings.group] + shift[ratings.group]
            )
        return eta + u[ratings.rater] if raters else eta

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        cuts, w, by_group, shift, u = parts(parameters)
        thresholds = _thresholds(cuts)
        value, by_threshold, by_eta, _ = _likelihood(thresholds, predictor(w, by_group, shift, u), ratings)
        slopes = [features.T @ np.bincount(ratings.response, by_eta, len(features))]
        if groups:
            cells = np.zeros((groups, len(features)))
            np.add.at(cells, (ratings.group, ratings.response), by_eta)
            slopes += [(cells @ features).ravel(), cells.sum(axis=1)]
        if raters:
            slopes.append(_sums(ratings.rater, by_eta, raters))
        onwards = np.cumsum(by_threshold[::-1])[::-1]
        by_cut = np.concatenate([onwards[:1], onwards[1:] * np.exp(cuts[1:])])
        rest = parameters[cut:]
        penalty = rest / spread**2
        # The cuts have a wide prior too, so that a category that nobody used keeps them finite.
        total = -value + 0.5 * float(rest @ penalty) + 0.5 * float(cuts @ cuts) / 100
        return total, -np.concatenate([by_cut - cuts / 100, np.concatenate(slopes) - penalty])

    start = np.zeros(int(ends[-1]))
    start[0] = -1.0
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-9})
    cuts, w, by_group, shift, u = parts(found.x)
    thresholds = _thresholds(cuts)
    head = Head(thresholds, w, by_group.reshape(groups, q), shift, rater_sd, prior_sd)
    if not raters:
        return head, u, u
    _, _, _, information = _likelihood(thresholds, predictor(w, by_group, shift, u), ratings)
    return head, u, 1 / (np.bincount(ratings.rater, information, raters) + 1 / rater_sd**2)


def _thresholds(cuts: FloatArray) -> FloatArray:
    return np.cumsum(np.concatenate([cuts[:1], np.exp(cuts[1:])]))


def _likelihood(
    thresholds: FloatArray, eta: FloatArray, ratings: Ratings
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Log likelihood, its gradient by thresholds (K − 1,) and predictor (m,), and the information of each rating (m,).

    With a < b around the rating, F(b) − F(a) = F(b) (1 − F(a)) (1 − exp(a − b)), which loses no digits in the tails.
    """
    edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
    below, above = edges[ratings.value], edges[ratings.value + 1]
    a, b = below - eta, above - eta
    gap = above - below
    inner = np.isfinite(gap)
    pull = np.zeros_like(gap)
    pull[inner] = 1 / np.expm1(gap[inner])
    logs = log_expit(b) + log_expit(-a)
    logs[inner] += np.log(-np.expm1(-gap[inner]))
    weight = ratings.weight
    by_b, by_a = weight * (expit(-b) + pull) * np.isfinite(b), -weight * (expit(a) + pull) * np.isfinite(a)
    points = len(thresholds) + 1
    by_threshold = _sums(ratings.value, by_b, points)[:-1] + _sums(ratings.value, by_a, points)[1:]
    information: FloatArray = weight * (expit(b) * expit(-b) + expit(a) * expit(-a))
    by_eta: FloatArray = -(by_a + by_b)
    return float(weight @ logs), by_threshold, by_eta, information


def _sums(place: IntArray, values: FloatArray, number: int) -> FloatArray:
    """Sum of the values at each of ``number`` places."""
    return np.asarray(np.bincount(place, values, number), dtype=np.float64)
