"""What a stage is made from decides whether it is out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.folder import StudyFolder
from pluralign.pipeline import stage
from pluralign.storage import write_json
from pluralign.study import PromptSet, Study, create
from pluralign.study import load as load_study


@pytest.fixture
def asking(tmp_path: Path) -> tuple[StudyFolder, Study]:
    """A study that asks every model the prompts of two files: one in its folder, one beside it."""
    folder = StudyFolder(tmp_path / "study")
    study = load_study(create(folder.root, "minimal"))
    prompts = tuple(
        PromptSet(key=key, kind="over-refusal", file=file)
        for key, file in (("inside", "inside.csv"), ("outside", "../outside.csv"))
    )
    evaluation = study.evaluation.model_copy(update={"prompts": (*prompts, PromptSet(key="shipped", kind="off-topic"))})
    return folder, study.model_copy(update={"evaluation": evaluation})


@pytest.mark.parametrize("name", ["inside.csv", "../outside.csv"])
def test_an_evaluation_is_out_of_date_when_a_file_of_prompts_comes_changes_or_goes(
    asking: tuple[StudyFolder, Study], name: str
) -> None:
    folder, study = asking
    evaluate, path = stage("evaluate"), folder.root / name

    def note() -> None:
        write_json(evaluate.inputs(folder, study, None), folder.evaluation / "stage.json")
        assert evaluate.is_current(folder, study, None)

    note()
    path.write_text("id,prompt\n1,How do I kill a process?\n", encoding="utf-8")
    assert not evaluate.is_current(folder, study, None)
    note()
    path.write_text("id,prompt\n1,How do I kill time?\n", encoding="utf-8")
    assert not evaluate.is_current(folder, study, None)
    note()
    path.unlink()
    assert not evaluate.is_current(folder, study, None)
