"""Measures by ranks, against libraries, of series and of their resamples."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from pluralign.stats import ranks
from pluralign.stats.ranks import ordinal_alpha, resampled, spearman


@pytest.mark.parametrize("seed", range(3))
def test_alpha_equals_the_library_with_ordinal_values(seed: int) -> None:
    generator = np.random.default_rng(seed)
    judge, people = generator.integers(1, 6, size=(2, 30)).astype(float)
    people[:10] = judge[:10]
    expected = krippendorff.alpha(reliability_data=np.array([judge, people]), level_of_measurement="ordinal")
    assert ordinal_alpha(judge, people) == pytest.approx(expected)


def test_spearman_equals_scipy_and_is_missing_for_a_constant() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 20)).round(1)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(spearman(np.ones(20), b)).all()
    assert np.isnan(ordinal_alpha(np.ones(20), np.ones(20))).all()


def test_a_resample_has_the_measures_of_its_rows_written_out() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(2, 25)).round(1)
    times = generator.integers(0, 4, size=(6, 25)).astype(float)
    for number, row in enumerate(times):
        rows = np.repeat(np.arange(25), row.astype(int))
        assert spearman(a, b, times)[number] == pytest.approx(spearmanr(a[rows], b[rows]).statistic)
        expected = krippendorff.alpha(reliability_data=np.array([a[rows], b[rows]]), level_of_measurement="ordinal")
        assert ordinal_alpha(a, b, times)[number] == pytest.approx(expected)
        assert ranks.ranks(a, times)[number][rows] == pytest.approx(rankdata(a[rows]))


def test_groups_are_drawn_whole_with_replacement_and_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = np.array([0, 0, 0, 1, 2, 2])
    times = resampled(groups, 400, 1, lambda times: times)
    assert (times[:, :3] == times[:, :1]).all()
    assert (times[:, 4] == times[:, 5]).all()
    assert (times[:, [0, 3, 4]].sum(axis=1) == 3).all()
    assert times[:, 0].mean() == pytest.approx(1, abs=0.15)
    monkeypatch.setattr(ranks, "_AT_ONCE", 60)
    assert (resampled(groups, 400, 1, lambda times: times) == times).all()
