"""What raters cost: their pay and the platform's fee."""

from __future__ import annotations

from dataclasses import dataclass

from pluralign.errors import ConfigError
from pluralign.study import Study

PROLIFIC_FEE = 0.333
"""Prolific's fee for academic and non-profit researchers as a share of the pay, before tax; 0.428 for companies.

Source: prolific.com/pricing, read in September 2026.
"""

_LEAST_PER_HOUR = {"GBP": (6.0, 9.0), "USD": (8.0, 12.0)}
"""Prolific's lowest permitted and its recommended pay per hour. Source: its payment principles, read then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Pay per hour of work, minutes that a rater works, the currency, and the platform's fee as a share of the pay."""

    per_hour: float
    minutes: float
    currency: str
    fee: float

    def __post_init__(self) -> None:
        for value, name in ((self.per_hour, "pay per hour"), (self.minutes, "minutes per rater")):
            if not 0 < value < float("inf"):
                raise ConfigError(f"The {name} must be above 0, found {value:g}.")
        if not 0 <= self.fee < 1:
            raise ConfigError(f"The platform's fee is a share of the pay such as 0.333, found {self.fee:g}.")

    def pay(self, raters: int) -> float:
        """What the raters receive."""
        return raters * self.per_hour * self.minutes / 60

    def total(self, raters: int) -> float:
        """Pay and fee. Taxes on the fee are not in it."""
        return self.pay(raters) * (1 + self.fee)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Whether the pay is below what Prolific permits or recommends, for the currencies in which it says so."""
        least, recommended = _LEAST_PER_HOUR.get(self.currency, (0.0, 0.0))
        found = f"The pay is {self.currency} {self.per_hour:.2f} an hour"
        if self.per_hour < least:
            return (f"{found}; Prolific permits no less than {least:.2f}.",)
        if self.per_hour < recommended:
            return (f"{found}; Prolific recommends at least {recommended:.2f}.",)
        return ()


def rates_of(
    study: Study,
    *,
    per_hour: float | None = None,
    minutes: float | None = None,
    currency: str | None = None,
    fee: float | None = None,
) -> Rates | None:
    """The study's rates, with what is given here instead; None where there is no pay at all.

    The fee is Prolific's where the study recruits there, otherwise none. Raises ConfigError for a pay without its time
    or currency.
    """
    recruitment = study.recruitment
    pay = recruitment.pay if recruitment else None
    if fee is None:
        fee = PROLIFIC_FEE if recruitment is not None and recruitment.platform == "prolific" else 0.0
    if pay is not None:
        return Rates(
            per_hour=60 * pay.amount / pay.minutes if per_hour is None else per_hour,
            minutes=pay.minutes if minutes is None else minutes,
            currency=currency or pay.currency,
            fee=fee,
        )
    if per_hour is None:
        return None
    if minutes is None or currency is None:
        raise ConfigError(
            "The study file names no pay; give the minutes per rater and the currency with the pay per hour."
        )
    return Rates(per_hour=per_hour, minutes=minutes, currency=currency, fee=fee)
