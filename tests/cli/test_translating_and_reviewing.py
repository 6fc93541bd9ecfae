"""The translation and review commands, as a user meets them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.manifests import Manifest, read_manifest
from pluralign.records import ITEMS, PROMPTS, read, write
from tests.corpus.translation.deepl_server import KEY, Service, serving
from tests.survey.servers import study_folder


def call(*arguments: object) -> int:
    return run_command_line(pluralign, [str(argument) for argument in arguments])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("DEEPL_AUTH_KEY", KEY)
    with serving(Service()) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A study with two prompts and four responses, in English alone, imported with one row left out."""
    root = study_folder(tmp_path / "study", 2)
    for name, schema in (("prompts", PROMPTS), ("items", ITEMS)):
        table = read(root / f"data/{name}.parquet", schema).drop(columns=["text_de", "origin_de"], errors="ignore")
        if name == "items":
            table["review"] = "unreviewed"
        write(table, root / f"data/{name}.parquet", schema, Manifest(what=name, dropped={"repeats": 1}))
    return root


def items(root: Path) -> pd.DataFrame:
    return read(root / "data/items.parquet", ITEMS)


def test_cost_and_usage_are_told_before_and_after(
    root: Path, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("corpus", "translate", "--to", "de", "--server", service.url, "--study", root)
    assert call(*command, "--dry-run") == 0
    assert service.requests == []
    assert "To be translated from en to de: 6 texts with 120 characters." in capsys.readouterr().out
    assert call(*command) == 0
    told = capsys.readouterr().out
    assert "DeepL has counted 0 of 1,000,000 characters" in told
    assert "120 characters were sent.\nDeepL has counted 120 of 1,000,000" in told
    assert "6 texts in de came in." in told
    assert items(root)["origin_de"].tolist() == ["translated"] * 4
    manifest = read_manifest(root / "data/items.parquet")
    assert manifest.dropped == {"repeats": 1}
    assert manifest.config["translation en to de"]["formality"] == "prefer_more"
    assert call(*command) == 0
    assert "0 texts with 0 characters" in capsys.readouterr().out


def test_a_budget_ends_the_work_with_what_is_done_in_the_tables(
    root: Path, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("corpus", "translate", "--to", "de", "--server", service.url, "--study", root)
    assert call(*command, "--budget", 30) == 1
    message = capsys.readouterr().err
    assert "The budget of 30 characters is reached" in message
    assert "2 texts are translated and kept, 4 are left; the same command goes on from here." in message
    assert read(root / "data/prompts.parquet", PROMPTS)["text_de"].notna().all()
    assert "text_de" not in items(root).columns


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("translate", "--to", "fr"), 'no language "fr"; it has en, de'),
        (("translate", "--to", "en"), 'Both languages are "en"'),
        (("translate", "--to", "de", "--by", "model"), "--model DIR goes with --by model"),
        (("translate", "--to", "de", "--from", "de"), 'Both languages are "de"'),
        (("translate", "--to", "en", "--from", "de"), "has text in de"),
        (("translate", "--to", "de"), "DEEPL_AUTH_KEY"),
        (("import-translation", "none.csv", "--to", "de"), "cannot be read"),
        (("export-translation", "out.doc", "--to", "de"), "must end with one of"),
        (("review", "--export", "x.csv"), "--reviewer NAME"),
        (("review", "--reviewer", "Ada", "--export", "x.csv", "--apply"), "cannot be had at once"),
        (("review", "--reviewer", "Ada", "--language", "fr"), 'no language "fr"'),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.delenv("DEEPL_AUTH_KEY", raising=False)
    monkeypatch.chdir(root)
    assert call("corpus", *arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_a_translation_under_ratings_does_not_change_but_missing_ones_come_in(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.csv"
    to_german = ("--to", "de", "--study", root)

    def bring(text: str) -> int:
        assert call("corpus", "export-translation", sheet, "--which", "all", *to_german) == 0
        with sheet.open(encoding="utf-8-sig", newline="") as source:
            rows = list(csv.DictReader(source))
        with sheet.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, rows[0].keys())
            writer.writeheader()
            writer.writerows(row | {"target": text} for row in rows)
        return call("corpus", "import-translation", sheet, *to_german)

    (root / "data/ratings.parquet").write_bytes(b"stands for ratings")
    assert bring("eine Antwort auf Deutsch") == 0
    assert set(items(root)["text_de"]) == {"eine Antwort auf Deutsch"}
    table = items(root)
    table["review_de"] = "approved"
    write(table, root / "data/items.parquet", ITEMS, Manifest(what="items"))
    assert bring("eine Antwort auf Deutsch") == 0
    assert set(items(root)["review_de"]) == {"approved"}
    assert bring("eine andere Antwort") == 2
    assert "already holds ratings" in capsys.readouterr().err
    assert set(items(root)["text_de"]) == {"eine Antwort auf Deutsch"}


def test_a_person_reviews_in_the_terminal(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    typed = "x\n3\na\nc\nBetter text.\nr\n\nr\n1 6\nr\nawful words\nn\nq\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert call("corpus", "review", "--reviewer", "Ada", "--study", root) == 0
    told = capsys.readouterr().out
    assert "x is none of the keys" in told
    assert "A rejection needs a reason" in told
    assert "4 reviews by Ada kept; 2 texts in en left." in told
    assert call("corpus", "review", "--apply", "--study", root) == 0
    reviews = pd.read_parquet(root / "data/reviews.parquet").sort_values("time")
    assert reviews["verdict"].tolist() == ["approved", "corrected", "rejected", "rejected"]
    assert reviews["severity"].tolist() == ["strong", "none", "none", "none"]
    assert reviews["text"].tolist()[1] == "Better text."
    assert reviews["reasons"].tolist()[2] == "meaning;unrelated"
    assert reviews["note"].tolist()[3] == "awful words"
