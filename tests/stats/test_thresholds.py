"""Structures of thresholds have the parameters and the matrices that R's ordinal gives them."""

from __future__ import annotations

import numpy as np
import pytest

from pluralign.errors import ConfigError
from pluralign.stats.thresholds import structure


def names(n_categories: int) -> tuple[str, ...]:
    return tuple(str(k) for k in range(1, n_categories + 1))


def test_flexible_thresholds_are_themselves() -> None:
    found = structure("flexible", names(4))
    assert found.names == ("1|2", "2|3", "3|4")
    assert np.array_equal(found.jacobian, np.eye(3))


def test_equidistant_thresholds_have_a_first_and_a_spacing() -> None:
    found = structure("equidistant", names(5))
    assert found.names == ("threshold.1", "spacing")
    assert (found.jacobian @ [-2.0, 1.5]).tolist() == [-2.0, -0.5, 1.0, 2.5]


def test_symmetric_thresholds_of_an_even_number_of_categories_have_one_centre() -> None:
    found = structure("symmetric", names(6))
    assert found.names == ("central", "spacing.1", "spacing.2")
    assert (found.jacobian @ [0.5, 1.0, 3.0]).tolist() == [-2.5, -0.5, 0.5, 1.5, 3.5]


def test_symmetric_thresholds_of_an_odd_number_of_categories_have_two_centres() -> None:
    found = structure("symmetric", names(7))
    assert found.names == ("central.1", "central.2", "spacing.1", "spacing.2")
    assert (found.jacobian @ [-0.5, 0.5, 1.0, 3.0]).tolist() == [-3.5, -1.5, -0.5, 0.5, 1.5, 3.5]


def test_symmetry_with_two_thresholds_says_nothing() -> None:
    assert np.array_equal(structure("symmetric", names(3)).jacobian, np.eye(2))


@pytest.mark.parametrize("name", ["symmetric", "equidistant"])
def test_one_threshold_has_no_structure(name: str) -> None:
    with pytest.raises(ConfigError, match="found 2"):
        structure(name, names(2))
