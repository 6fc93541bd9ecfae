"""On SPICA, where one person rates all responses to a prompt, so that comparisons lie within raters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pluralign.preferences.opinions import Objective, by_prompt
from pluralign.preferences.policies import preserve
from tests.preferences.examples import condition


def test_spica_gives_the_known_numbers_of_comparisons_and_ties_within_raters(shared_data: Path) -> None:
    rows = pd.read_csv(shared_data / "spica" / "dev_ratings.csv.gz")
    table = pd.DataFrame(
        {
            "prompt": rows["case_id"],
            "item": rows["case_id"] + rows["strategy"],
            "rater": rows["rating_set"],
            "weight": 1.0,
            "appropriate": rows["response_rating"].astype(float),
        }
    )
    objective = Objective({"appropriate": 1.0}, frozenset(), turn=6.0)
    comparisons = ties = 0
    for opinions in by_prompt(table, objective, 5):
        compared = preserve(opinions, condition())
        once = np.triu_indices(len(opinions.items), 1)
        assert (compared.within_rater[once] == compared.comparisons[once]).all()
        comparisons += int(compared.comparisons[once].sum())
        ties += int(compared.ties[once].sum())
    # 1,200 people with five responses each make 1,200 x 10 comparisons; 38.7 % are stated to be ties.
    assert (comparisons, ties) == (12_000, 4_641)
