from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.errors import ConfigError, DataError
from pluralign.feedback import Feedback, Truth, simulate
from pluralign.feedback.simulation import assign
from pluralign.stats import clmm
from tests.feedback.simulated import corpus, gender_values, template

DEMOGRAPHICS = ("country", "gender", "age", "political_spectrum", "ethnicity")


@pytest.fixture(scope="module")
def simulated() -> tuple[Feedback, Truth]:
    # One language, as otherwise an item has an effect per language, for which the fitted model has no term.
    return simulate(gender_values(), *corpus(languages=("en",)), seed=3)


def test_the_template_gives_the_size_of_the_published_study(simulated: tuple[Feedback, Truth]) -> None:
    feedback, _ = simulated
    assert len(feedback.raters) == 1095
    assert feedback.ratings.groupby("dimension").size().to_dict() == dict.fromkeys(gender_values().dimension_keys, 5475)
    assert feedback.ratings["value"].between(1, 5).all()
    assert feedback.ratings["time"].isna().all()
    assert (feedback.raters["origin"] == "simulated").all()


def test_items_are_rated_equally_often_and_by_nobody_twice(simulated: tuple[Feedback, Truth]) -> None:
    ratings = simulated[0].ratings
    one = ratings[ratings["dimension"] == "toxicity"]
    assert one.groupby("item").size().agg(["min", "max"]).tolist() == [27, 28]
    assert not one.duplicated(["rater", "item"]).any()
    assert one.groupby("rater")["position"].apply(list).map(lambda positions: positions == [1, 2, 3, 4, 5]).all()


def test_the_same_seed_gives_the_same_ratings_and_another_seed_others() -> None:
    study, tables = gender_values(), corpus(prompts=10)
    (one, truth), (two, same), (other, _) = (simulate(study, *tables, seed=seed, raters=50) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.ratings, two.ratings)
    assert truth == same
    assert not one.ratings["value"].equals(other.ratings["value"])


def test_planted_effects_are_recovered(simulated: tuple[Feedback, Truth]) -> None:
    """Over all dimensions no coefficient, planted or zero, is far off, and about 95 % are in their intervals."""
    feedback, truth = simulated
    deviations = []
    for dimension in feedback.dimensions:
        fit = clmm(f"value ~ {' + '.join(DEMOGRAPHICS)} + (1 | rater) + (1 | item)", _model_frame(feedback, dimension))
        assert fit.converged
        assert fit.random_sd["rater"] == pytest.approx(truth.rater_sd[dimension], rel=0.2)
        assert fit.random_sd["item"] == pytest.approx(truth.item_sd(dimension), rel=0.2)
        table = fit.to_frame().query("kind == 'coef'").set_index("term")
        planted = pd.Series(
            {
                f"{key}[T.{code}]": effect
                for key, effects in truth.effects.get(dimension, {}).items()
                for code, effect in effects.items()
            }
        )
        assert planted.index.isin(table.index).all()
        deviations.append((table["estimate"] - planted.reindex(table.index).fillna(0.0)) / table["std_error"])
    z = pd.concat(deviations)
    assert z.abs().max() < 3.5
    assert 0.88 < (z.abs() < 1.96).mean() <= 1.0
    assert z.std() == pytest.approx(1.0, abs=0.25)


def _model_frame(feedback: Feedback, dimension: str) -> pd.DataFrame:
    """The ratings of one dimension with the study's reference levels first."""
    study, long = gender_values(), feedback.long_frame()
    long = long[long["dimension"] == dimension].copy()
    for key in DEMOGRAPHICS:
        reference = study.demographic(key).reference
        order = [reference, *(code for code in (*study.demographic(key).codes, "undeclared") if code != reference)]
        long[key] = pd.Categorical(long[key], categories=[code for code in order if (long[key] == code).any()])
    return long


def test_raters_of_a_language_rate_the_text_in_their_language() -> None:
    """With opposite texts in the two languages, what is rated high in one is rated low in the other."""
    study = gender_values()
    prompts, items = corpus(prompts=10)
    warm, cold = "I understand how sad you feel, I am here for you.", "The rent is due on the third."
    warm_de, cold_de = "Ich verstehe, wie traurig du bist, ich bin für dich da.", "Die Miete ist am dritten fällig."
    first = np.arange(len(items)) % 2 == 0
    items = items.assign(text_en=np.where(first, warm, cold), text_de=np.where(first, cold_de, warm_de))
    feedback, _ = simulate(study, prompts, items, seed=0, raters=600)
    long = feedback.long_frame()
    long = long[long["dimension"] == "emotional_awareness"].copy()
    long["first"] = long["item"].isin(items.loc[first, "item"])
    means = long.groupby(["language", "first"])["value"].mean()
    assert means["en", True] > means["en", False] + 0.5
    assert means["de", False] > means["de", True] + 0.5


def test_groups_of_other_tastes_like_other_texts() -> None:
    """What one group rates high the other rates low, as their weights of quality have opposite signs."""
    study = template("minimal")
    assert study.simulation is not None
    planted = study.simulation.model_copy(update={"tastes": {"emotional_awareness": {"country": {"de": -2.0}}}})
    feedback, truth = simulate(study.model_copy(update={"simulation": planted}), *corpus(languages=("en",)), seed=0)
    items = feedback.items.set_index("item")["text_en"]
    standing = items.map(lambda text: truth.standing(text, "emotional_awareness", "en"))
    long = feedback.long_frame()
    long = long[long["dimension"] == "emotional_awareness"].copy()
    long["standing"] = long["item"].map(standing)
    slopes = {country: np.polyfit(part["standing"], part["value"], 1)[0] for country, part in long.groupby("country")}
    assert slopes["us"] > 0.2
    assert slopes["de"] < -0.2


def test_a_missing_translation_falls_back_to_the_text_there_is() -> None:
    study = gender_values()
    prompts, items = corpus(prompts=10)
    feedback, truth = simulate(study, prompts, items.drop(columns="text_de"), seed=0, raters=40)
    assert len(feedback.ratings) == 40 * 5 * 5
    assert set(truth.quality_mean["toxicity"]) == {"en"}


def test_rejected_items_are_not_rated() -> None:
    prompts, items = corpus(prompts=10)
    items.loc[:9, "review"] = "rejected"
    feedback, _ = simulate(gender_values(), prompts, items, seed=0, raters=50)
    assert not feedback.ratings["item"].isin(items.loc[:9, "item"]).any()
    assert len(feedback.items) == len(items)


def test_a_study_with_other_dimensions_is_simulated_too() -> None:
    feedback, _ = simulate(template("minimal"), *corpus(languages=("en",)), seed=0)
    assert feedback.dimensions == ("emotional_awareness", "toxicity")
    assert feedback.ratings["attention"].isna().all()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 8), st.integers(0, 2**32))
def test_assignment_is_balanced_and_never_repeats_within_a_rater(raters: int, items: int, each: int, seed: int) -> None:
    if items < each:
        with pytest.raises(DataError, match="lower items_per_rater"):
            assign(raters, items, each, np.random.default_rng(seed))
        return
    rows = assign(raters, items, each, np.random.default_rng(seed))
    assert rows.shape == (raters, each)
    assert all(len(set(row)) == each for row in rows)
    counts = np.bincount(rows.ravel(), minlength=items)
    assert counts.max() - counts.min() <= 1


def test_what_cannot_be_simulated_is_said() -> None:
    study, (prompts, items) = gender_values(), corpus(prompts=10)
    with pytest.raises(ConfigError, match="gender-values has no simulation"):
        simulate(study.model_copy(update={"simulation": None}), prompts, items, seed=0)
    with pytest.raises(ConfigError, match="0 raters were asked for"):
        simulate(study, prompts, items, seed=0, raters=0)
    with pytest.raises(DataError, match=r"1 items have no text in a language .*\(en, de\); the first is p0-2"):
        simulate(
            study,
            prompts,
            items.assign(
                text_en=items["text_en"].mask(items["item"] == "p0-2"),
                text_de=items["text_de"].mask(items["item"] == "p0-2"),
            ),
            seed=0,
        )
