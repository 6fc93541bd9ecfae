"""Every two responses to one prompt are candidates, whatever becomes of them."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.errors import ConfigError
from pluralign.preferences.candidates import candidate_pairs


def items(prompts: list[str], **columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame({"item": [f"i{number:02}" for number in range(len(prompts))], "prompt": prompts})
    for name, values in {"text_en": list(table["item"]), "review": ["unreviewed"] * len(table), **columns}.items():
        table[name] = values
    return table


@given(prompts=st.lists(st.sampled_from("pqr"), max_size=12))
@settings(max_examples=50, deadline=None)
def test_candidates_are_all_pairs_of_one_prompt(prompts: list[str]) -> None:
    table = items(prompts)
    found = candidate_pairs(table.sample(frac=1, random_state=1), "en")
    wanted = [
        (prompt, *two) for prompt, mine in table.groupby("prompt")["item"] for two in combinations(sorted(mine), 2)
    ]
    assert list(found[["prompt", "first", "second"]].itertuples(index=False, name=None)) == wanted
    assert (found["reason"] == "").all()


def test_what_speaks_against_a_pair_is_said_in_order() -> None:
    table = items(["p"] * 4, text_en=["x", " x ", "", "y"], review=["unreviewed", "approved", "unreviewed", "rejected"])
    reasons = candidate_pairs(table, "en").set_index(["first", "second"])["reason"].to_dict()
    assert reasons == {
        ("i00", "i01"): "same_text",
        ("i00", "i02"): "no_text",
        ("i00", "i03"): "rejected",
        ("i01", "i02"): "no_text",
        ("i01", "i03"): "rejected",
        ("i02", "i03"): "rejected",
    }


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'no texts in the language "fr"; they have: en'):
        candidate_pairs(items(["p"]), "fr")
