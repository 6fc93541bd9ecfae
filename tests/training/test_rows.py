from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.errors import DataError, ModelError
from pluralign.training.rows import Row, ordered, that_fit, tokenise
from tests.training.test_trainer import texts


def row(chosen: str, rejected: str, length: int = 4) -> Row:
    return Row(chosen, rejected, (1,), tuple(range(length - 1)), (2,), 1.0, 1.0)


ROWS = [row(f"a{number}", f"b{number}") for number in range(7)]


def test_each_pass_holds_every_row_once_in_another_order() -> None:
    stream = ordered(ROWS, seed=1, number=21)
    passes = [stream[start : start + 7] for start in (0, 7, 14)]
    assert all(sorted(one, key=lambda row: row.chosen) == ROWS for one in passes)
    assert passes[0] != passes[1] != passes[2]
    assert ordered(ROWS, seed=2, number=7) != passes[0]


@given(st.permutations(ROWS), st.integers(0, 5))
def test_the_order_of_rows_in_the_file_does_not_matter(rows: list[Row], seed: int) -> None:
    assert ordered(rows, seed, 10) == ordered(ROWS, seed, 10)


def test_conditions_meet_the_pairs_they_share_in_the_same_order_whichever_way_they_point() -> None:
    turned = [row(one.rejected, one.chosen) if place % 2 else one for place, one in enumerate(ROWS[:5])]
    couples = [{one.chosen, one.rejected} for one in ordered(turned, 3, 5)]
    assert couples == [
        {one.chosen, one.rejected} for one in ordered(ROWS, 3, 7) if {one.chosen, one.rejected} in couples
    ]


def test_rows_that_just_fit_are_kept() -> None:
    rows = [row("a", "b", length) for length in (3, 4, 5)]
    assert [one.length for one in that_fit(rows, 4, "here")] == [3, 4]
    with pytest.raises(DataError, match=r"here: none of the 3 rows .*max_length of 2 tokens; the shortest needs 3"):
        that_fit(rows, 2, "here")


def test_prompt_and_responses_join_to_what_the_model_is_asked_later(tiny: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    frame, table = texts([("q1.kind", "q1.rude", 0.8, 2.0)])
    (only,) = tokenise(table, frame, tokenizer)
    prompt = str(tokenizer.decode(list(only.prompt_ids)))
    assert prompt.endswith("How do I tell a friend that I cannot come?<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(list(only.rejected_ids)) == "Who cares!<|im_end|>\n"
    assert (only.p, only.weight) == (0.8, 2.0)


def test_a_template_that_rewrites_the_question_is_refused() -> None:
    class Rewriting:
        def apply_chat_template(self, messages: list[Any], **_: Any) -> dict[str, list[int]]:
            return {"input_ids": [len(messages), 5]}

    frame, table = texts([("q1.kind", "q1.rude", 1.0, 1.0)])
    with pytest.raises(ModelError, match="shows a question differently once it is answered"):
        tokenise(table, frame, Rewriting())
