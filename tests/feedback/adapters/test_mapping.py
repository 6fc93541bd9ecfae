from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pluralign.errors import ConfigError, SchemaError
from pluralign.feedback import ADAPTERS, Feedback

WIDE = """who;ask;answer;antwort;rude;warm;sex;secs;place;lang
a;Hi?;Hello.;Hallo.;1;5;F;2.5;1;en
a;Hi?;Go away.;Geh weg.;5;1;F;3;2;en
b;Hi?;Hello.;Hallo.;2;;M;;1;de
"""
LONG = """who,item,text,aspect,rating
a,1,Hello.,rude,disagree
a,1,Hello.,warm,agree
b,1,Hello.,rude,agree
"""
WIDE_MAPPING = {
    "file": "data.csv",
    "delimiter": ";",
    "points": 5,
    "rater": "who",
    "prompt": {"text": {"en": "ask"}},
    "response": {"en": "answer", "de": "antwort"},
    "dimensions": {"toxicity": "rude", "warmth": "warm"},
    "demographics": {"gender": {"column": "sex", "codes": {"F": "she", "M": "he"}}},
    "rater_language": "lang",
    "seconds": "secs",
    "position": "place",
    "source": "our survey",
    "licence": "own",
    "model": "some-model",
}
LONG_MAPPING = {
    "file": "data.csv",
    "points": 2,
    "rater": "who",
    "item": "item",
    "response": {"en": "text"},
    "dimension": "aspect",
    "value": "rating",
    "values": {"disagree": 1, "agree": 2},
}


def imported(folder: Path, data: str, mapping: dict[str, object]) -> tuple[Feedback, dict[str, int]]:
    (folder / "data.csv").write_text(data, encoding="utf-8")
    path = folder / "mapping.yaml"
    path.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    return ADAPTERS["csv"](path)


def test_one_row_per_rater_and_item(tmp_path: Path) -> None:
    feedback, dropped = imported(tmp_path, WIDE, WIDE_MAPPING)
    assert dropped == {"without a rating": 1}
    assert feedback.dimensions == ("toxicity", "warmth")
    assert (len(feedback.prompts), len(feedback.items)) == (1, 2)
    assert feedback.items["text_de"].tolist() == ["Hallo.", "Geh weg."]
    assert feedback.raters[["language", "gender"]].to_numpy().tolist() == [["en", "she"], ["de", "he"]]
    first = feedback.ratings.iloc[0]
    assert (first["value"], first["seconds"], first["position"]) == (1, 2.5, 1)
    assert feedback.prompts[["source", "licence"]].to_numpy().tolist() == [["our survey", "own"]]


def test_one_row_per_rating_with_labels(tmp_path: Path) -> None:
    feedback, _ = imported(tmp_path, LONG, LONG_MAPPING)
    assert feedback.ratings[["rater", "dimension", "value"]].to_numpy().tolist() == [
        ["a", "rude", 1],
        ["a", "warm", 2],
        ["b", "rude", 2],
    ]
    assert feedback.points == 2


def test_equal_texts_get_equal_identifiers_in_every_file(tmp_path: Path) -> None:
    one, _ = imported(tmp_path, WIDE, WIDE_MAPPING)
    rows = WIDE.splitlines()
    other, _ = imported(tmp_path, "\n".join([rows[0], rows[3], rows[2], rows[1]]) + "\n", WIDE_MAPPING)
    assert set(one.items["item"]) == set(other.items["item"])
    assert set(one.prompts["prompt"]) == set(other.prompts["prompt"])


def test_a_label_that_the_mapping_does_not_name_is_outside_the_scale(tmp_path: Path) -> None:
    with pytest.raises(
        SchemaError, match=r"data.csv, line 5: the rating on rude is 'maybe'; allowed are disagree, agree"
    ):
        imported(tmp_path, LONG + "c,1,Hello.,rude,maybe\n", LONG_MAPPING)


def test_a_time_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"line 5: secs is 'long'; expected is a number of at least 0"):
        imported(tmp_path, WIDE + "c;Hi?;Hello.;Hallo.;1;1;F;long;1;en\n", WIDE_MAPPING)


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in LONG_MAPPING.items() if name != key}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (without("rater"), r"mapping.yaml, line \d: rater is missing"),
        (without("response"), "response is missing"),
        (without("dimension"), "must give either `dimensions`"),
        (LONG_MAPPING | {"dimensions": {"rude": "rating"}}, "must give either `dimensions`"),
        (LONG_MAPPING | {"ratr": "who"}, r'line 12: ratr is not a key here: "ratr"; did you mean "rater"'),
        (
            LONG_MAPPING | {"rater": "whom"},
            r'line 3: rater is "whom"; did you mean "who"\? columns of data.csv: who, item',
        ),
        (LONG_MAPPING | {"points": "five"}, r'line 2: points is "five"; a whole number was expected'),
        (LONG_MAPPING | {"points": 1}, r"line 2: points is 1; it must be 2 or more"),
        (
            LONG_MAPPING | {"values": {"disagree": 1, "agree": 3}},
            r"values.agree is 3; it must lie between 1 and points, 2",
        ),
        (LONG_MAPPING | {"response": {}}, "response is a mapping; it needs at least one entry"),
        (LONG_MAPPING | {"response": {"English": "text"}}, "response.English is .*; expected a language such as en"),
        (LONG_MAPPING | {"demographics": {"item": "item"}}, "demographics.item has a name that means something else"),
        (LONG_MAPPING | {"demographics": {"g": {"column": "nope"}}}, r'demographics.g.column is "nope"'),
        (
            LONG_MAPPING | {"demographics": {"g": {"colum": "who"}}},
            r'line 14: demographics.g.colum .*did you mean "column"',
        ),
        (LONG_MAPPING | {"demographics": {"g": 3}}, r"line 13: demographics.g is 3; a mapping .* was expected"),
        (LONG_MAPPING | {"delimiter": ";;"}, r'delimiter is ";;"; one character was expected'),
    ],
)
def test_a_mistake_in_the_mapping_file_is_named_with_its_line(
    mapping: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        imported(tmp_path, LONG, mapping)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "line 1: a mapping file is a mapping"),
        ("a: [", "line 1: this is not YAML"),
        ("file: a\nfile: b\n", "line 2: file stands twice"),
    ],
)
def test_what_is_no_mapping_file_is_told(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(content)
    with pytest.raises(ConfigError, match=message):
        ADAPTERS["csv"](tmp_path / "mapping.yaml")


def test_an_absent_mapping_or_data_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mapping.yaml: there is no such file"):
        ADAPTERS["csv"](tmp_path / "mapping.yaml")
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(LONG_MAPPING))
    with pytest.raises(SchemaError, match=r"data.csv: there is no such file"):
        ADAPTERS["csv"](tmp_path / "mapping.yaml")
    with pytest.raises(ConfigError, match="this is a folder"):
        ADAPTERS["csv"](tmp_path)
