from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pluralign.errors import SchemaError
from pluralign.feedback.adapters.files import one_of, read_csv, read_json_lines

HEAD = "id,text,value\n"


def written(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_every_row_keeps_the_line_it_begins_on(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + '1,"two\nlines",3\n\n2,"a, b",4\n')
    frame = read_csv(path, ("id", "value"))
    assert frame.index.tolist() == [2, 5]
    assert frame["text"].tolist() == ["two\nlines", "a, b"]
    assert frame["value"].tolist() == ["3", "4"]


def test_gzipped_files_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"\xef\xbb\xbfid,text\n1,\xc3\xa4\n"), "data.csv.gz")
    assert read_csv(path, ("id",))["text"].tolist() == ["ä"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("id,id\n1,2\n", "line 1: the column id stands there twice"),
        ("id,text\n1,a\n", "line 1: value is missing; found id, text"),
        (HEAD + "1,a,2\n2,b\n", "line 3: this row has 2 cells and the header 3"),
        (HEAD + '1,a,2\n2,"b,3\n4,c,5\n', "line 3: this is not well-formed CSV"),
        (HEAD.encode() + b"1,\xff,2\n", "line 2: the text is not UTF-8"),
    ],
)
def test_an_unreadable_file_is_named_with_the_line(content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=message) as raised:
        read_csv(written(tmp_path, content), ("id", "value"))
    assert str(raised.value).startswith(str(tmp_path / "data.csv"))


@pytest.mark.parametrize("kept", [10, 40])
def test_a_gzipped_file_that_is_cut_off_is_refused(kept: int, tmp_path: Path) -> None:
    whole = gzip.compress((HEAD + "1,a,2\n" * 50).encode())
    with pytest.raises(SchemaError, match=r"damaged or incomplete"):
        read_csv(written(tmp_path, whole[:kept], "data.csv.gz"))
    with pytest.raises(SchemaError, match=r"damaged or incomplete"):
        read_csv(written(tmp_path, b"not gzip", "data.csv.gz"))


def test_an_absent_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no such file"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(SchemaError, match="this is a folder"):
        read_csv(tmp_path)


def test_json_lines_keep_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": 1}\n\n{"a": "x\u2028y"}\n')
    assert read_json_lines(path, ("a",)) == [(1, {"a": 1}), (3, {"a": "x\u2028y"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ('{"a": 1}\n{"a": ', "line 2: this is not JSON"),
        ("[1]\n", "line 1: a JSON object was expected; found list"),
        ('{"b": 1}\n', "line 1: a is missing; found b"),
    ],
)
def test_json_lines_that_cannot_be_used_are_named(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=message):
        read_json_lines(written(tmp_path, content, "data.jsonl"), ("a",))


def test_a_file_is_found_plain_or_gzipped(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"none of the files a.csv, a.csv.gz is there"):
        one_of(tmp_path, ["a.csv"])
    zipped = written(tmp_path, b"", "a.csv.gz")
    assert one_of(tmp_path, ["a.csv"]) == zipped
    with pytest.raises(SchemaError, match="no such folder"):
        one_of(tmp_path / "none", ["a.csv"])
