from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.errors import DataError, ModelError
from pluralign.training.rows import Row, ordered, that_fit, tokenise, with_strangers
from pluralign.training.tokens import Tokeniser, answered
from tests.training.tuning.test_trainer import cache, texts


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


def test_prompt_and_responses_join_to_what_the_model_is_asked_later(tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    frame, table = texts([("q1.kind", "q1.rude", 0.8, 2.0)])
    (only,) = tokenise(table, frame, Tokeniser(lambda: tokenizer, cache(tmp_path, "tokens")))
    prompt = str(tokenizer.decode(list(only.prompt_ids)))
    assert prompt.endswith("How do I tell a friend that I cannot come?<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(list(only.rejected_ids)) == "Who cares!<|im_end|>\n"
    assert (only.p, only.weight) == (0.8, 2.0)


def test_a_template_that_rewrites_the_question_is_refused() -> None:
    class Rewriting:
        def apply_chat_template(self, messages: list[Any], **_: Any) -> dict[str, list[int]]:
            return {"input_ids": [len(messages), 5]}

        def decode(self, _: Any) -> str:
            return "nothing in particular"

    with pytest.raises(ModelError, match="shows a question differently once it is answered"):
        answered(Rewriting(), [{"role": "user", "content": "May men cry?"}], "Yes.")


def test_an_answer_follows_an_empty_thought_where_the_template_opens_one(tiny: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: <think>\n{% endif %}"
    )
    prompt, response = answered(tokenizer, [{"role": "user", "content": "May men cry?"}], "Yes.")
    assert str(tokenizer.decode(list(prompt))).endswith("assistant: <think>\n")
    assert tokenizer.decode(list(response)) == "\n</think>\n\nYes.<|im_end|>"


def test_what_was_tokenised_is_found_again_without_a_tokenizer_unless_it_is_damaged(tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    def forbidden() -> Any:
        raise AssertionError("the tokenizer was asked for")

    question = [{"role": "user", "content": "May men cry?"}]
    first = Tokeniser(lambda: AutoTokenizer.from_pretrained(tiny), cache(tmp_path, "tokens"))
    expected = first.answered(question, "Yes.")
    first.keep()
    assert Tokeniser(forbidden, cache(tmp_path, "tokens")).answered(question, "Yes.") == expected
    (file,) = (tmp_path / "runs/.cache").iterdir()
    file.write_text(file.read_text().replace("[1,", "[2,", 1))
    with pytest.raises(AssertionError, match="asked for"):
        Tokeniser(forbidden, cache(tmp_path, "tokens")).answered(question, "Yes.")


def test_rated_rows_meet_the_response_of_another_row_of_their_batch() -> None:
    rows = with_strangers([row(name, "") for name in "abcde"], batch=2)
    assert [(one.chosen, one.rejected) for one in rows] == [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("e", "e")]
