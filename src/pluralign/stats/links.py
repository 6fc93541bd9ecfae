"""Links of cumulative models: how a category's probability depends on the two thresholds around it.

A rating falls into category k where the latent variable lies between ``lower`` = θ(k-1) - η and ``upper`` = θ(k) - η,
so its probability is F(upper) - F(lower). A link is the distribution function F with its first three derivatives; all
functions are pure and work element by element. Names and definitions follow R's ``ordinal``:

    ========  =======================  ==================
    name      F(x)                     latent noise
    ========  =======================  ==================
    logit     1 / (1 + exp(-x))        logistic
    probit    Φ(x)                     normal
    cloglog   1 - exp(-exp(x))         Gumbel of minima
    loglog    exp(-exp(-x))            Gumbel of maxima
    cauchit   1/2 + arctan(x) / π      Cauchy
    ========  =======================  ==================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pluralign.errors import ConfigError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]

_SMALLEST = 1e-300  # keeps the logarithm finite where a probability underflows


class Curve(NamedTuple):
    """What a Newton step on η needs, per rating: log probability, its derivative, and minus its second derivative."""

    log_p: FloatArray
    score: FloatArray
    weight: FloatArray


class Slopes(NamedTuple):
    """First derivatives, per rating: of the log probability by η (``score``) and by each limit."""

    log_p: FloatArray
    score: FloatArray
    d_upper: FloatArray
    d_lower: FloatArray


class Derivatives(NamedTuple):
    """All derivatives that the gradient of the Laplace approximation needs, per rating.

    ``upper`` and ``lower`` are the two limits, each with η held fixed in the other; ``score`` and ``weight`` are as in
    :class:`Curve`; ``d_*`` are derivatives of the log probability, ``score_*`` and ``weight_*`` of those two.
    """

    log_p: FloatArray
    score: FloatArray
    weight: FloatArray
    d_upper: FloatArray
    d_lower: FloatArray
    score_upper: FloatArray
    score_lower: FloatArray
    weight_upper: FloatArray
    weight_lower: FloatArray


class Link(ABC):
    """A distribution function on the latent scale."""

    name: ClassVar[str]
    log_concave: ClassVar[bool] = True

    @abstractmethod
    def cdf(self, x: FloatArray) -> FloatArray:
        """F(x), precise to full relative accuracy where x is very negative."""

    @abstractmethod
    def survival(self, x: FloatArray) -> FloatArray:
        """1 - F(x), precise to full relative accuracy where x is very positive."""

    @abstractmethod
    def quantile(self, p: FloatArray) -> FloatArray:
        """The x with F(x) = p, for 0 < p < 1."""

    @abstractmethod
    def density(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """F'(x), F''(x) and F'''(x); zero at plus and minus infinity."""

    def probability(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """F(upper) - F(lower), from whichever tail loses fewer digits."""
        right = np.minimum(lower, 1e300) + np.maximum(upper, -1e300) > 0
        return np.where(right, self.survival(lower) - self.survival(upper), self.cdf(upper) - self.cdf(lower))

    def curve(self, lower: FloatArray, upper: FloatArray) -> Curve:
        """The log probability of (lower, upper] as a function of η, to second order."""
        p = np.maximum(self.probability(lower, upper), _SMALLEST)
        f_upper, slope_upper, _ = self.density(upper)
        f_lower, slope_lower, _ = self.density(lower)
        score = (f_lower - f_upper) / p
        return Curve(np.log(p), score, score * score - (slope_upper - slope_lower) / p)

    def slopes(self, lower: FloatArray, upper: FloatArray) -> Slopes:
        """The log probability of (lower, upper] with its first derivatives."""
        p = np.maximum(self.probability(lower, upper), _SMALLEST)
        d_upper, d_lower = self.density(upper)[0] / p, -self.density(lower)[0] / p
        return Slopes(np.log(p), -d_upper - d_lower, d_upper, d_lower)

    def derivatives(self, lower: FloatArray, upper: FloatArray) -> Derivatives:
        """The log probability of (lower, upper] with all derivatives that :class:`Derivatives` names."""
        p = np.maximum(self.probability(lower, upper), _SMALLEST)
        f_upper, slope_upper, bend_upper = (value / p for value in self.density(upper))
        f_lower, slope_lower, bend_lower = (value / p for value in self.density(lower))
        score = f_lower - f_upper
        slope = slope_upper - slope_lower
        score_upper = -slope_upper - score * f_upper
        score_lower = slope_lower + score * f_lower
        return Derivatives(
            log_p=np.log(p),
            score=score,
            weight=score * score - slope,
            d_upper=f_upper,
            d_lower=-f_lower,
            score_upper=score_upper,
            score_lower=score_lower,
            weight_upper=2 * score * score_upper - bend_upper + slope * f_upper,
            weight_lower=2 * score * score_lower + bend_lower - slope * f_lower,
        )


class Logit(Link):
    """The logistic distribution. Its interval has closed forms without cancellation, which are used for speed.

    With P(upper) and Q(lower) = 1 - P(lower), the probability is P(upper) Q(lower) (1 - exp(lower - upper)), the score
    P(upper) - Q(lower) and the weight f(upper) + f(lower).
    """

    name = "logit"

    def cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.expit(x), dtype=np.float64)

    def survival(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.expit(-x), dtype=np.float64)

    def quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(special.logit(p), dtype=np.float64)

    def density(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        p = self.cdf(x)
        q = self.survival(x)
        f = p * q
        return f, f * (q - p), f * (1 - 6 * f)

    def curve(self, lower: FloatArray, upper: FloatArray) -> Curve:
        with np.errstate(over="ignore"):
            odds_upper, odds_lower = np.exp(-upper), np.exp(lower)
        p, q = 1 / (1 + odds_upper), 1 / (1 + odds_lower)
        log_p = np.log(np.maximum(p * q * -np.expm1(lower - upper), _SMALLEST))
        return Curve(log_p, p - q, p * (1 - p) + q * (1 - q))

    def derivatives(self, lower: FloatArray, upper: FloatArray) -> Derivatives:
        with np.errstate(over="ignore"):
            odds_upper, odds_lower = np.exp(-upper), np.exp(lower)
        p, q = 1 / (1 + odds_upper), 1 / (1 + odds_lower)
        f_upper, f_lower = p * (1 - p), q * (1 - q)
        inside = np.maximum(p * q * -np.expm1(lower - upper), _SMALLEST)
        return Derivatives(
            log_p=np.log(inside),
            score=p - q,
            weight=f_upper + f_lower,
            d_upper=f_upper / inside,
            d_lower=-f_lower / inside,
            score_upper=f_upper,
            score_lower=f_lower,
            weight_upper=f_upper * (1 - 2 * p),
            weight_lower=f_lower * (2 * q - 1),
        )


class Probit(Link):
    """The standard normal distribution."""

    name = "probit"

    def cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(x), dtype=np.float64)

    def survival(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(-x), dtype=np.float64)

    def quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(special.ndtri(p), dtype=np.float64)

    def density(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        x = np.clip(x, -39.0, 39.0)  # the density underflows beyond
        f = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
        return f, -x * f, (x * x - 1) * f


class CLogLog(Link):
    """The complementary log-log link: latent noise with a long tail to the left."""

    name = "cloglog"

    def cdf(self, x: FloatArray) -> FloatArray:
        return -np.expm1(-np.exp(np.minimum(x, 700.0)))

    def survival(self, x: FloatArray) -> FloatArray:
        return np.exp(-np.exp(np.minimum(x, 700.0)))

    def quantile(self, p: FloatArray) -> FloatArray:
        return np.log(-np.log1p(-p))

    def density(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        rate = np.exp(np.clip(x, -740.0, 7.0))  # exp(-exp(7)) is zero in double precision
        f = rate * np.exp(-rate)
        return f, f * (1 - rate), f * (1 - 3 * rate + rate * rate)


class LogLog(Link):
    """The log-log link: the mirror image of cloglog, F(x) = 1 - G(-x)."""

    name = "loglog"
    _mirror = CLogLog()

    def cdf(self, x: FloatArray) -> FloatArray:
        return self._mirror.survival(-x)

    def survival(self, x: FloatArray) -> FloatArray:
        return self._mirror.cdf(-x)

    def quantile(self, p: FloatArray) -> FloatArray:
        return -np.log(-np.log(p))

    def density(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        f, slope, bend = self._mirror.density(-x)
        return f, -slope, bend


class Cauchit(Link):
    """The Cauchy distribution: tolerant of ratings far from what the model expects; not log-concave."""

    name = "cauchit"
    log_concave = False

    def cdf(self, x: FloatArray) -> FloatArray:
        # arctan2 keeps the digits of the far left tail, which 1/2 + arctan(x)/π loses
        return np.arctan2(1.0, -x) / np.pi

    def survival(self, x: FloatArray) -> FloatArray:
        return np.arctan2(1.0, x) / np.pi

    def quantile(self, p: FloatArray) -> FloatArray:
        return np.tan(np.pi * (p - 0.5))

    def density(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        x = np.clip(x, -1e70, 1e70)
        f = 1 / (np.pi * (1 + x * x))
        return f, -2 * np.pi * x * f * f, (6 * x * x - 2) * np.pi**2 * f**3


LINKS: dict[str, Link] = {link.name: link for link in (Logit(), Probit(), CLogLog(), LogLog(), Cauchit())}


def link_by_name(name: str) -> Link:
    """The link called ``name``; raises ConfigError that lists the links there are."""
    if name not in LINKS:
        raise ConfigError(f"There is no link {name!r}; choose one of {', '.join(LINKS)}.")
    return LINKS[name]
