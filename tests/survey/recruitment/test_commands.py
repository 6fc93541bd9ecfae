"""``pluralign survey`` against a Prolific of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.folder import StudyFolder
from pluralign.study import load
from pluralign.survey.serving import prepare
from tests.survey.prolific_server import TOKEN, WEBHOOK_SECRET, ProlificServer
from tests.survey.recruitment.test_events import visit
from tests.survey.servers import study_folder

PAY = {"amount": 4.0, "currency": "USD", "minutes": 20}
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: object) -> tuple[int, str]:
        code = run_command_line(pluralign, ["survey", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


@pytest.fixture
def root(tmp_path: Path, prolific: ProlificServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLURALIGN_PROLIFIC_TOKEN", TOKEN)
    folder = study_folder(
        tmp_path / "study", n_prompts=6, recruitment={"platform": "prolific", "target": 20, "pay": PAY}
    )
    settings = f"prolific: {{codes: {{finished: DONE1234}}, studies: [study1], address: '{prolific.address}'}}\n"
    (folder / "survey-settings.yaml").write_text(settings)
    return folder


def test_a_draft_is_made_after_its_cost_was_shown(command: Command, root: Path, prolific: ProlificServer) -> None:
    code, said = command("create-on-prolific", "--url", "https://s.example", "--yes", "--study", root)
    assert code == 0
    assert "20 people at 4.00 each: 112.00 in all" in said
    assert "Draft study1" in said
    assert list(prolific.studies) == ["study1"]


def test_a_comparison_names_differences_and_approves_on_wish(
    command: Command, root: Path, prolific: ProlificServer
) -> None:
    study = load(root / "study.yaml")
    settings, database, _ = prepare(StudyFolder(root), study)
    assert settings.codes == {"finished": "DONE1234"}
    visit(database, study, 1, to_the_end=True)
    visit(database, study, 2, to_the_end=False)
    database.close()
    prolific.add("submission1", "person1", "AWAITING REVIEW", code="DONE1234")
    prolific.add("submission2", "person2", "AWAITING REVIEW", code="NOCODE")
    code, said = command("reconcile", "--study", root)
    assert code == 0
    assert "2 submissions; 1 as here, 0 places given on." in said
    assert "submission2: AWAITING REVIEW on Prolific, rating here." in said
    assert prolific.submissions["submission1"]["status"] == "AWAITING REVIEW"
    code, said = command("reconcile", "--approve", "--json", "--study", root)
    assert json.loads(said)["to_approve"] == ["submission1"]
    assert [each["status"] for each in prolific.submissions.values()] == ["APPROVED", "AWAITING REVIEW"]


def test_subscribing_prints_the_secret(command: Command, root: Path) -> None:
    code, said = command("subscribe", "--url", "https://s.example/", "--workspace", "w", "--study", root)
    assert (code, said) == (0, f"PLURALIGN_PROLIFIC_WEBHOOK_SECRET={WEBHOOK_SECRET}\n")


def test_the_linter_ends_with_1_where_a_rule_is_broken(
    command: Command, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = command("lint", "--study", root)
    assert code == 0
    assert "advice: attention_checks: the same text comes back" in said
    (root / "survey-settings.yaml").unlink()
    monkeypatch.delenv("PLURALIGN_PROLIFIC_TOKEN")
    code, said = command("lint", "--study", root)
    assert code == 1
    assert "breach: codes: without a code for `finished`" in said
    assert "1 breach of the rules" in said


def test_a_study_that_is_not_tied_to_prolific_is_told_so(command: Command, tmp_path: Path) -> None:
    root = study_folder(tmp_path / "study", n_prompts=2)
    code, said = command("reconcile", "--study", root)
    assert code == 2
    assert "not tied to Prolific" in said


def test_a_backup_can_be_taken_and_restored(command: Command, root: Path, tmp_path: Path) -> None:
    _, database, _ = prepare(StudyFolder(root), load(root / "study.yaml"))
    database.close()
    code, said = command("backup", tmp_path / "b.db", "--study", root)
    assert (code, "bytes" in said) == (0, True)
    url = f"sqlite:///{tmp_path}/new.db"
    code, said = command("restore", tmp_path / "b.db", "--database", url, "--study", root)
    assert code == 0
    assert "Restored. Serve from this database from now on." in said
