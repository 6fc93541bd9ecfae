from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.errors import ConfigError, DataError, SchemaError
from pluralign.feedback import ADAPTERS, Feedback

HEAD = "instance_id,user_id,text,offensiveness,gender,race,age,occupation,education\n"
ANN = "Woman,White,35-39,Student,College degree"
BEN = "Man,Asian,>65,Prefer not to disclose,Other"
GOOD = (f"1,ann,One,1.0,{ANN}", f"2,ann,Two,2.0,{ANN}", f"1,ben,One,5.0,{BEN}")


def imported(
    folder: Path, *rows: str, drop_invalid: bool = False, held_out: float = 0.25
) -> tuple[Feedback, dict[str, int]]:
    path = folder / "raw_data.csv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return ADAPTERS["popquorn"](path, drop_invalid=drop_invalid, held_out=held_out)


def test_rows_become_ratings_items_and_raters(tmp_path: Path) -> None:
    feedback, dropped = imported(tmp_path, *GOOD)
    assert dropped == {}
    assert feedback.points == 5
    assert feedback.ratings[["rater", "item", "value"]].to_numpy().tolist() == [
        ["ann", "1", 1],
        ["ann", "2", 2],
        ["ben", "1", 5],
    ]
    assert feedback.items.set_index("item")["text_en"].to_dict() == {"1": "One", "2": "Two"}
    ben = feedback.raters.set_index("rater").to_dict("index")["ben"]
    assert (ben["gender"], ben["age"], ben["occupation"]) == ("man", "65+", "undeclared")
    assert (feedback.raters["origin"] == "imported").all()


def test_a_comment_is_a_prompt_of_its_own(tmp_path: Path) -> None:
    feedback, _ = imported(tmp_path, *GOOD)
    assert feedback.items["prompt"].is_unique


WRONG = {
    f"3,ann,Three,6.0,{ANN}": (
        r"line 5: the rating on offensiveness is '6.0'; allowed are 1 to 5",
        "outside the scale",
    ),
    f"3,ann,Three,2.5,{ANN}": (r"line 5: the rating on offensiveness is '2.5'", "outside the scale"),
    f"3,ann,Three,no,{ANN}": (r"line 5: the rating on offensiveness is 'no'", "outside the scale"),
    f"1,ann,One,3.0,{ANN}": (r"line 5: there is already a rating of rater ann, item 1, dimension off", "rated twice"),
    f"3,,Three,3.0,{ANN}": (r"line 5: user_id is empty", "without user_id"),
    f"3,ann,,3.0,{ANN}": (r"line 5: text is empty", "without text"),
    f"2,ben,Zwei,3.0,{BEN}": (r"line 5: item 2 has text 'Zwei', but 'Two' before", "contradicting item"),
    f"3,ann,Three,3.0,{BEN}": (r"line 5: rater ann has gender 'Man', but 'Woman' before", "contradicting rater"),
}


@pytest.mark.parametrize("row", WRONG)
def test_a_wrong_row_is_an_error_that_names_its_line(row: str, tmp_path: Path) -> None:
    message, _ = WRONG[row]
    with pytest.raises(SchemaError, match=message) as raised:
        imported(tmp_path, *GOOD, row)
    assert "--drop-invalid" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("row", WRONG)
def test_wrong_rows_are_left_out_and_counted_if_asked(row: str, tmp_path: Path) -> None:
    feedback, dropped = imported(tmp_path, *GOOD, row, drop_invalid=True)
    assert dropped == {WRONG[row][1]: 1}
    assert len(feedback.ratings) == 3


def test_an_unanswered_question_is_no_mistake(tmp_path: Path) -> None:
    feedback, dropped = imported(tmp_path, *GOOD, f"3,ann,Three,,{ANN}")
    assert dropped == {"without a rating": 1}
    assert len(feedback.ratings) == 3
    assert "3" not in feedback.items["item"].tolist()


def test_a_file_without_ratings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no rating is left \(1 without a rating\)"):
        imported(tmp_path, f"3,ann,Three,,{ANN}")
    with pytest.raises(DataError, match="the file has no rows"):
        imported(tmp_path)


def test_another_file_is_recognised_by_its_columns(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("user_id,text\n1,a\n")
    with pytest.raises(SchemaError, match=r"line 1: instance_id, offensiveness, gender, .* found user_id, text"):
        ADAPTERS["popquorn"](tmp_path / "other.csv")


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_held_out_must_leave_something(share: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 0 and less than 1"):
        imported(tmp_path, *GOOD, held_out=share)


def test_the_real_file_gives_the_published_counts(shared_data: Path) -> None:
    feedback, dropped = ADAPTERS["popquorn"](shared_data / "popquorn" / "offensiveness.csv.gz")
    assert dropped == {}
    assert feedback.ratings["value"].value_counts().sort_index().tolist() == [7516, 2190, 1590, 1039, 701]
    assert (len(feedback.items), len(feedback.raters)) == (1500, 262)
    assert feedback.raters["gender"].value_counts().to_dict() == {"woman": 131, "man": 124, "non-binary": 7}
    assert feedback.raters["age"].nunique() == 10
    assert 0.2 < (feedback.prompts["split"] == "held-out").mean() < 0.3
