"""Plans: studies drawn as the study file says, power from few simulations, and the same by counting many."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pluralign.errors import ConfigError, DataError
from pluralign.stats.costs import Rates, rates_of
from pluralign.stats.labels import Labels
from pluralign.stats.planning import PLAN_COLUMNS, content, make_plan, plan_figure
from pluralign.stats.power import Count, Sensitivity, count, detectable, power_at, raters_needed, sensitivity
from pluralign.stats.scenario import Scenario, draw, scenario
from pluralign.study import Study, parse, template_text

GENDER_VALUES = parse(template_text("gender-values"), "study.yaml")


def small_study(**replaced: str) -> Study:
    """The template ``minimal`` without a term for items, which makes fits quick."""
    text = template_text("minimal").replace(" + (1 | item)", "")
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return parse(text, "study.yaml")


def planned(study: Study | None = None, **changes: object) -> Scenario:
    settings: dict[str, object] = {"dimension": "toxicity", "demographic": "country", "code": "de"}
    settings |= {"items": 40, "item_noise_sd": 0.25, **changes}
    return scenario(study or small_study(), **settings)  # type: ignore[arg-type]


def found(**changes: float) -> Sensitivity:
    """Simulations that came out as wished: z is 0.2 per unit of effect and √rater."""
    numbers: dict[str, float] = {"raters": 400, "studies": 200, "failed": 0, "signal": 0.2, "signal_error": 0.004}
    numbers |= {"unit_error": 4.5, "spread": 1.0, "spread_error": 0.05, "scaling": 1.0, "scaling_error": 0.02}
    return Sensitivity(**{**numbers, **changes})  # type: ignore[arg-type]


# --- scenarios ----------------------------------------------------------------------------------------------------


def test_effect_and_share_are_those_of_the_study_file_unless_given() -> None:
    plan = planned()
    assert plan.effect == 0.5
    assert plan.share == pytest.approx(70 / 200)
    assert plan.item_sd == pytest.approx(math.hypot(1.0, 0.25))
    assert planned(effect=-0.3).effect == -0.3


def test_a_given_share_leaves_the_proportions_of_the_others() -> None:
    shares = planned(share=0.5).shares["country"]
    assert shares == pytest.approx({"de": 0.5, "us": 0.5 * 120 / 130, "other": 0.5 * 10 / 130})


def test_a_merged_group_is_planned_as_the_analysis_sees_it() -> None:
    plan = scenario(
        GENDER_VALUES,
        dimension="sensitivity",
        demographic="political_spectrum",
        code="conservative",
        items=50,
        item_noise_sd=0.25,
    )
    assert set(plan.codes) == {"rather_conservative", "conservative"}
    assert plan.effect == 0.246
    assert plan.share == pytest.approx((110 + 98) / 1095)


def _without_simulation() -> Study:
    text = template_text("minimal")
    start, end = text.index("# Invented raters"), text.index("# One experiment")
    return parse(text[:start] + text[end:], "study.yaml")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: planned(_without_simulation()), "has no simulation, and a plan is made by simulating"),
        (lambda: planned(dimension="beauty"), 'no dimension "beauty"'),
        (lambda: planned(demographic="age"), 'no demographic "age"'),
        (lambda: planned(code="us"), "country=us is the reference; its effect is 0. Plan for de, other."),
        (lambda: planned(code="fr"), 'country has no group "fr" in the analysis; it has de, other.'),
        (lambda: planned(code="other"), "plants no single effect of country other on toxicity"),
        (lambda: planned(effect=0.0), "An effect of 0 cannot be found"),
        (lambda: planned(share=1.5), "The group's share is 1.5; it must lie between 0 and 1"),
        (lambda: planned(items=3), "Each rater rates 5 items, and there are only 3"),
        (
            lambda: planned(GENDER_VALUES, demographic="party", code="us_rep", effect=0.3),
            "The analysis does not estimate effects of party",
        ),
        (
            lambda: planned(GENDER_VALUES, demographic="political_spectrum", code="rather_conservative", effect=0.3),
            "The analysis merges rather_conservative into conservative",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(make: Callable[[], Scenario], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_simulated_raters_have_the_margins_and_rate_no_item_twice() -> None:
    drawn = draw(planned(), 4000, np.random.default_rng(0))
    assert len(drawn.frame) == 4000 * 5
    assert not drawn.frame.duplicated(["rater", "item"]).any()
    raters = drawn.frame.drop_duplicates("rater")
    assert (raters["country"] == "de").mean() == pytest.approx(0.35, abs=0.03)
    assert drawn.member.mean() == pytest.approx(0.35, abs=0.03)
    assert set(drawn.frame["context"]) == {"none", "empathetic"}


def test_options_for_some_raters_are_drawn_only_for_these() -> None:
    plan = planned(GENDER_VALUES, demographic="gender", code="he")
    raters = draw(plan, 2000, np.random.default_rng(0)).frame.drop_duplicates("rater")
    german = raters["party"].str.startswith("de_")
    assert german.any()
    assert set(raters.loc[german, "country"]) == {"de"}


def test_the_effect_moves_only_the_group_and_by_nothing_else() -> None:
    drawn = draw(planned(), 500, np.random.default_rng(1))
    without, with_effect = drawn.ratings(0.0), drawn.ratings(2.0)
    pd.testing.assert_series_equal(without["value"][~drawn.member], with_effect["value"][~drawn.member])
    assert (with_effect["value"][drawn.member] >= without["value"][drawn.member]).all()
    assert with_effect["value"][drawn.member].mean() > without["value"][drawn.member].mean() + 0.5


def test_ratings_are_as_frequent_as_the_thresholds_say() -> None:
    study = small_study(**{"toxicity: 1.2}": "toxicity: 0.0}", "toxicity: 1.0}": "toxicity: 0.0}"})
    values = draw(planned(study, item_noise_sd=0.0), 4000, np.random.default_rng(2)).ratings(0.0)["value"]
    for value, threshold in enumerate([-0.5, 0.8, 1.7, 3.2], start=1):
        assert (values <= value).mean() == pytest.approx(1 / (1 + math.exp(-threshold)), abs=0.01)


# --- power --------------------------------------------------------------------------------------------------------


def test_power_by_hand() -> None:
    # 0.2 · 0.5 · √784 = 2.8; Φ(2.8 - 1.96) = 0.7995
    power, low, high = (float(values[0]) for values in power_at(found(), 0.5, np.array([784.0])))
    assert power == pytest.approx(0.7995, abs=1e-3)
    # the signal is known to ± 3.92 %: Φ(2.69 - 1.96) and Φ(2.91 - 1.96)
    assert (low, high) == pytest.approx((0.7676, 0.8288), abs=1e-3)


def test_raters_needed_and_detectable_effect_are_the_inverses_of_power() -> None:
    best, low, high = raters_needed(found(), 0.5, power=0.9)
    assert low < best < high
    assert float(power_at(found(), 0.5, np.array([best]))[0][0]) == pytest.approx(0.9, abs=1e-3)
    assert float(power_at(found(), 0.5, np.array([best - 1.0]))[0][0]) < 0.9
    effect = float(detectable(found(), np.array([300.0]), power=0.9)[0])
    assert float(power_at(found(), effect, np.array([300.0]))[0][0]) == pytest.approx(0.9, abs=1e-6)


def test_the_direction_of_the_effect_does_not_matter() -> None:
    assert raters_needed(found(), -0.5) == raters_needed(found(), 0.5)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"scaling": 1.2}, "power far from 400 raters is uncertain"),
        ({"spread": 1.3}, "z varies 1.30 times as much as it should"),
        ({"failed": 30}, "30 of 200 simulated studies could not be fitted"),
    ],
)
def test_what_speaks_against_the_simulation_is_said(numbers: dict[str, float], said: str) -> None:
    assert said in " ".join(found(**numbers).warnings)
    assert found().warnings == ()


@pytest.mark.parametrize(("power", "alpha"), [(1.0, 0.05), (0.01, 0.05), (0.8, 0.0), (0.8, 0.7)])
def test_impossible_rates_are_refused(power: float, alpha: float) -> None:
    with pytest.raises(ConfigError, match="must lie between"):
        sensitivity(planned(), power=power, alpha=alpha)


def test_too_few_simulations_are_refused() -> None:
    with pytest.raises(ConfigError, match="simulate at least 10"):
        sensitivity(planned(), studies=3)


def test_a_group_too_small_to_be_simulated_is_refused() -> None:
    with pytest.raises(DataError, match="could be fitted"):
        sensitivity(planned(share=0.001), studies=10, raters=40)


def test_the_same_seed_gives_the_same_plan() -> None:
    results = [sensitivity(planned(), studies=10, raters=80, seed=seed) for seed in (1, 1, 2)]
    assert results[0] == results[1]
    assert results[0].signal != results[2].signal


def test_power_agrees_with_brute_force() -> None:
    """200 studies simulated and counted; the curve comes from 40 at another size."""
    plan = planned(effect=0.7)
    curve = sensitivity(plan, studies=40, raters=300, seed=3)
    assert curve.warnings == ()
    counted = count(plan, 150, studies=200, seed=4)
    power, low, high = (float(values[0]) for values in power_at(curve, plan.effect, np.array([150.0])))
    assert 0.4 < power < 0.9
    assert counted.low <= high
    assert counted.high >= low
    assert power == pytest.approx(counted.power, abs=0.08)


def test_without_an_effect_one_study_in_twenty_finds_one() -> None:
    counted = count(planned(effect=1e-9), 100, studies=200, seed=6)
    assert counted.low < 0.05 < counted.high


# --- plans and costs ----------------------------------------------------------------------------------------------


def test_costs_by_hand() -> None:
    rates = Rates(per_hour=12.0, minutes=20.0, currency="USD", fee=0.333)
    assert rates.pay(1095) == pytest.approx(4380)
    assert rates.total(1095) == pytest.approx(5838.54)
    assert rates.warnings == ()


def test_rates_come_from_the_study_and_can_be_replaced() -> None:
    rates = rates_of(GENDER_VALUES)
    assert rates == Rates(per_hour=12.0, minutes=20.0, currency="USD", fee=0.333)
    assert rates_of(GENDER_VALUES, per_hour=9.0, fee=0.428) == Rates(
        per_hour=9.0, minutes=20.0, currency="USD", fee=0.428
    )
    assert rates_of(small_study()) is None
    assert rates_of(small_study(), per_hour=10, minutes=6, currency="EUR") == Rates(
        per_hour=10, minutes=6, currency="EUR", fee=0.0
    )


def test_rates_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match="names no pay"):
        rates_of(small_study(), per_hour=10)
    with pytest.raises(ConfigError, match="pay per hour must be above 0"):
        rates_of(GENDER_VALUES, per_hour=-1)
    with pytest.raises(ConfigError, match=r"fee is a share of the pay such as 0\.333, found 33\.3"):
        rates_of(GENDER_VALUES, fee=33.3)


@pytest.mark.parametrize(
    ("per_hour", "currency", "said"),
    [(7.0, "USD", "permits no less than 8.00"), (8.0, "GBP", "recommends at least 9.00"), (1.0, "EUR", "")],
)
def test_pay_below_the_platforms_limits_is_warned_of(per_hour: float, currency: str, said: str) -> None:
    assert said in " ".join(Rates(per_hour=per_hour, minutes=10, currency=currency, fee=0).warnings)


def test_the_table_of_a_plan() -> None:
    rates = Rates(per_hour=12.0, minutes=20.0, currency="USD", fee=0.333)
    plan = make_plan(planned(), found(), rates=rates, raters=(999,))
    table = plan.table.set_index("raters")
    assert list(plan.table.columns) == list(PLAN_COLUMNS)
    assert {999, plan.needed} <= set(table.index)
    assert table.loc[plan.needed, "power"] == pytest.approx(0.8, abs=2e-3)
    assert table.loc[plan.needed, "detectable"] == pytest.approx(0.5, abs=2e-3)
    assert table.loc[999, "in_group"] == 350
    assert table.loc[999, "ratings"] == 4995
    assert table.loc[999, "std_error"] == pytest.approx(4.5 / math.sqrt(999))
    assert table.loc[999, "total"] == pytest.approx(999 * 4 * 1.333)
    assert table.loc[999, "fee"] == pytest.approx(999 * 4 * 0.333)
    assert plan.table["power"].is_monotonic_increasing
    assert content(make_plan(planned(), found()))["table"][0]["total"] is None


def test_a_count_that_contradicts_the_curve_is_warned_of() -> None:
    good = Count(raters=785, studies=200, found=160, failed=0)
    bad = Count(raters=785, studies=200, found=100, failed=0)
    assert make_plan(planned(), found(), checks=(good,)).warnings == ()
    assert "100 of 200 simulated studies found the effect" in make_plan(planned(), found(), checks=(bad,)).warnings[0]


def test_the_figure_shows_curve_number_needed_and_count() -> None:
    plan = make_plan(planned(), found(), checks=(Count(raters=785, studies=200, found=160, failed=0),))
    (axes,) = plan_figure(plan, Labels(small_study(), "en")).axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == [
        f"{plan.needed:,} raters ({plan.needed_low:,} to {plan.needed_high:,})\n785 raters: found by 160 of 200"
    ]
    assert axes.get_title(loc="left") == "Toxicity: Germany\nlog odds +0.50, 35.0 % of the raters"
    assert [785.0] in [list(np.atleast_1d(line.get_xdata())) for line in axes.lines]
