"""The models that are compared with R: how their data are made, and the formula, which R and pluralign share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SMALL_FORMULA = "rating ~ group + dose + (1 | rater) + (1 | item)"


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison: ``load`` takes the folder of shared data and returns the table that both programs fit.

    ``link_in_r`` is the link to ask R for, where it is not ``link``.
    """

    name: str
    formula: str
    load: Callable[[Path], pd.DataFrame]
    link: str = "logit"
    threshold: str = "flexible"
    nagq: int = 1
    link_in_r: str | None = None
    needs_shared_data: bool = False


def popquorn(shared: Path) -> pd.DataFrame:
    """Ratings of offensiveness; the races with fewer than ten raters are merged, since one has a single rater."""
    table = pd.read_csv(shared / "popquorn" / "offensiveness.csv.gz")
    common = ["White", "Black or African American", "Asian"]
    table["race"] = table["race"].where(table["race"].isin(common), "Other")
    table["offensiveness"] = table["offensiveness"].astype(int)
    return table[["offensiveness", "gender", "age", "race", "user_id", "instance_id"]]


def spica(shared: Path) -> pd.DataFrame:
    """Ratings of model responses on SPICA's first dimension."""
    table = pd.read_csv(shared / "spica" / "dev_ratings.csv.gz")
    return table[["response_rating", "party", "religiosity", "strategy", "rating_set", "case_id"]]


def dices(shared: Path) -> pd.DataFrame:
    """Whether a dialogue is unsafe, by 123 raters of 350 dialogues each."""
    table = pd.read_csv(shared / "dices" / "dices350_ratings.csv.gz")
    table["unsafe"] = table["Q_overall"].map({"No": 1, "Unsure": 2, "Yes": 3})
    return table.rename(columns={"rater_position": "rater", "item_id": "item"})[["unsafe", "rater", "item"]]


def _ordinal(random: np.random.RandomState, eta: np.ndarray, cuts: list[float]) -> np.ndarray:
    latent = eta + random.logistic(size=len(eta))
    return 1 + np.searchsorted(np.asarray(cuts), latent)


def study(_shared: Path) -> pd.DataFrame:
    """A simulated study of 1,095 raters who rate 5 responses each, one from each of 5 contexts; 16 coefficients.

    ``RandomState`` is used because its stream is frozen: the stored output of R stays valid.
    """
    random = np.random.RandomState(20240517)
    n_raters, n_contexts = 1095, 5
    levels = {
        "country": ["de", "us"],
        "gender": ["he", "she", "they"],
        "age": ["18-30", "31-40", "41-50", "51-60", "60+"],
        "spectrum": ["centre", "conservative", "liberal", "rather conservative", "rather liberal"],
        "ethnicity": ["asian", "black", "hispanic", "mena", "mixed", "white"],
    }
    raters = pd.DataFrame({name: random.choice(options, n_raters) for name, options in levels.items()})
    effect = -0.2 * (raters["gender"] == "he") - 0.5 * (raters["age"] == "51-60")
    effect += 0.25 * (raters["spectrum"] == "rather conservative") + 0.4 * (raters["ethnicity"] == "black")
    rater_effect = effect.to_numpy() + 0.9 * random.normal(size=n_raters)
    context_effect = 0.6 * random.normal(size=n_contexts)
    table = raters.loc[np.repeat(np.arange(n_raters), n_contexts)].reset_index(drop=True)
    table["rater"] = [f"r{i:04d}" for i in np.repeat(np.arange(n_raters), n_contexts)]
    context = np.tile(np.arange(n_contexts), n_raters)
    table["context"] = [f"c{i}" for i in context]
    eta = np.repeat(rater_effect, n_contexts) + context_effect[context]
    table["rating"] = _ordinal(random, eta, [-1.6, -0.4, 0.5, 1.9])
    return table


def small(categories: int = 4) -> pd.DataFrame:
    """A small simulated study, 60 raters × 8 of 20 items, with an effect of a group and of a numeric dose."""
    random = np.random.RandomState(7)
    n_raters, n_items, per_rater = 60, 20, 8
    rater = np.repeat(np.arange(n_raters), per_rater)
    item = np.concatenate([random.permutation(n_items)[:per_rater] for _ in range(n_raters)])
    group = np.array(["a", "b", "c"])[np.arange(n_raters) % 3][rater]
    dose = np.round(random.normal(size=len(rater)), 3)
    eta = 0.8 * random.normal(size=n_raters)[rater] + 0.5 * random.normal(size=n_items)[item]
    eta += 0.7 * (group == "b") - 0.4 * (group == "c") + 0.5 * dose
    cuts = np.linspace(-1.3, 1.5, 9)[:: 8 // max(categories - 2, 1)][: categories - 1]
    rating = _ordinal(random, eta, list(cuts))
    return pd.DataFrame(
        {
            "rating": rating,
            "group": group,
            "dose": dose,
            "rater": [f"r{i:02d}" for i in rater],
            "item": [f"i{i:02d}" for i in item],
        }
    )


def _weighted(_shared: Path) -> pd.DataFrame:
    return small().assign(weight=lambda table: 1 + np.arange(len(table)) % 3)


# With quadrature, version 2022.11-16 of ordinal takes cloglog for loglog and the other way round, as its own Laplace
# fits of the same ratings show; asking it for the other one gives the model that is meant.
EXCHANGED = {"cloglog": "loglog", "loglog": "cloglog"}

SPICA = "response_rating ~ party + religiosity + strategy + (1 | rating_set) + (1 | case_id)"

CASES = (
    Case(
        "popquorn",
        "offensiveness ~ gender + age + race + (1 | user_id) + (1 | instance_id)",
        popquorn,
        needs_shared_data=True,
    ),
    Case("spica", SPICA, spica, needs_shared_data=True),
    *(Case(f"spica-{link}", SPICA, spica, link, needs_shared_data=True) for link in ("probit", "cloglog", "loglog")),
    Case("dices", "unsafe ~ 1 + (1 | rater) + (1 | item)", dices, needs_shared_data=True),
    Case("study", "rating ~ country + gender + age + spectrum + ethnicity + (1 | rater) + (1 | context)", study),
    *(
        Case(f"small-{link}", SMALL_FORMULA, lambda _shared: small(), link)
        for link in ("logit", "probit", "cloglog", "loglog")  # R does not converge with cauchit
    ),
    Case("binary", SMALL_FORMULA, lambda _shared: small(categories=2)),
    Case("one-factor", "rating ~ group + dose + (1 | rater)", lambda _shared: small()),
    Case("weighted", SMALL_FORMULA, _weighted),
    Case("nested", "rating ~ dose + (1 | group/rater)", lambda _shared: small()),
    Case("slope", "rating ~ group + dose + (1 + dose | rater) + (1 | item)", lambda _shared: small()),
    *(
        Case(f"small-{threshold}", SMALL_FORMULA, lambda _shared: small(), threshold=threshold)
        for threshold in ("symmetric", "equidistant")
    ),
    *(
        Case(
            f"quadrature-{link}",
            "rating ~ group + dose + (1 | rater)",
            lambda _shared: small(),
            link,
            nagq=7,
            link_in_r=EXCHANGED.get(link),
        )
        for link in ("logit", "probit", "cloglog", "loglog", "cauchit")
    ),
    *(
        Case(f"fixed-{link}", "rating ~ group + dose", lambda _shared: small(), link)
        for link in ("logit", "probit", "cloglog", "loglog", "cauchit")
    ),
)
