from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.feedback.margins import allocate, draw_raters
from pluralign.study import Study
from tests.feedback.simulated import gender_values


@pytest.fixture(scope="module")
def study() -> Study:
    return gender_values()


def test_all_margins_of_the_published_study_are_met_exactly(study: Study) -> None:
    assert study.simulation is not None
    raters = draw_raters(study, 1095, np.random.default_rng(0))
    for key, margin in study.simulation.margins.items():
        assert raters[key].value_counts().to_dict() == {code: count for code, count in margin.items() if count}, key


def test_fewer_raters_keep_the_proportions_to_the_rounding(study: Study) -> None:
    assert study.simulation is not None
    raters = draw_raters(study, 240, np.random.default_rng(0))
    for key in ("gender", "age", "ethnicity", "political_spectrum", "country"):
        margin = study.simulation.margins[key]
        counts = raters[key].value_counts()
        for code, count in margin.items():
            assert abs(counts.get(code, 0) - 240 * count / sum(margin.values())) < 1, (key, code)


def test_nobody_has_a_party_of_another_country(study: Study) -> None:
    raters = draw_raters(study, 1095, np.random.default_rng(0))
    offered = {option.code: option.when for option in study.demographic("party").options}
    for country, party in zip(raters["country"], raters["party"], strict=True):
        assert country in offered.get(party, {}).get("country", (country,))


def test_raters_read_the_language_of_their_country(study: Study) -> None:
    raters = draw_raters(study, 1095, np.random.default_rng(0))
    assert (raters.loc[raters["country"] == "de", "language"] == "de").all()
    assert (raters.loc[raters["country"] != "de", "language"] == "en").all()


def test_demographics_are_independent_but_for_conditional_options(study: Study) -> None:
    raters = draw_raters(study, 1095, np.random.default_rng(1))
    he = raters["gender"] == "he"
    white = raters["ethnicity"] == "white"
    assert abs(he.corr(white)) < 0.1


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any), st.integers(0, 500))
def test_places_add_up_and_are_off_by_less_than_one(counts: list[int], total: int) -> None:
    margin = {f"c{number}": count for number, count in enumerate(counts)}
    places = allocate(margin, total)
    assert sum(places.values()) == total
    assert all(abs(places[code] - total * count / sum(counts)) < 1 for code, count in margin.items())


def test_ties_between_remainders_go_to_the_code_named_first() -> None:
    assert allocate({"a": 1, "b": 1, "c": 1}, 4) == {"a": 2, "b": 1, "c": 1}
