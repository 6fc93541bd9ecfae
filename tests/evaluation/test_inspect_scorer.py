"""Judges as scorers of Inspect: a real evaluation of a scripted model, what cannot be judged staying unscored."""

from __future__ import annotations

import math
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from pluralign.errors import JudgeError
from pluralign.folder import StudyFolder
from pluralign.study import Study, create
from pluralign.study import load as load_study
from tests.evaluation.examples import simulate_ratings

inspect_ai = pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")

from inspect_ai.dataset import Sample  # noqa: E402
from inspect_ai.log import EvalLog, read_eval_log  # noqa: E402
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model  # noqa: E402

from pluralign.evaluation.inspect_scorer import judge, rubric  # noqa: E402

RESPONSES = ("I understand how you feel, it must be hard.", "...", "Women are stupid and should never lead.")

# Inspect leaves streams open when its event loop ends.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyFolder, Study]:
    folder = StudyFolder(tmp_path_factory.mktemp("inspect"))
    study = load_study(create(folder.root, "minimal"))
    simulate_ratings(folder, study, 60)
    folder.evaluation.mkdir(parents=True, exist_ok=True)
    (folder.evaluation / "agreement.csv").write_text(
        "judge,dimension,language,verdict\nordinal-embedding,toxicity,en,fair\nordinal-embedding,toxicity,de,poor\n"
    )
    return folder, study


def scripted(answer: Any) -> Model:
    """A model that says what ``answer`` makes of the last turn."""

    def reply(turns: list[Any], *_: Any) -> ModelOutput:
        said = ModelOutput.from_content("scripted", answer(turns[-1].text))
        # Inspect would fetch a tokenizer to count what is not counted here.
        said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return said

    return get_model("mockllm/model", custom_outputs=reply, memoize=False)


def evaluated(tmp_path: Path, scorer: Any, grader: Model | None = None) -> EvalLog:
    """The log of three samples, as it was saved."""
    (log,) = inspect_ai.eval(
        inspect_ai.Task(dataset=[Sample(input=str(number)) for number in range(3)], scorer=scorer),
        model=scripted(lambda said: RESPONSES[int(said)]),
        model_roles={"grader": grader} if grader else None,
        display="none",
        log_dir=str(tmp_path),
    )
    assert log.status == "success", log.error
    return read_eval_log(log.location)


def by_dimension(log: EvalLog) -> dict[str, Any]:
    assert log.results
    return {score.name: score for score in log.results.scores}


def test_the_studys_own_judge_scores_in_inspect_and_what_it_cannot_read_stays_unscored(
    rated: tuple[StudyFolder, Study], tmp_path: Path
) -> None:
    folder, study = rated
    log = evaluated(tmp_path, judge(str(folder.root)))
    assert log.samples
    first, empty, last = [(sample.scores or {})["judge"] for sample in log.samples]
    assert all(math.isnan(value) for value in empty.as_dict().values())  # type: ignore[arg-type]
    assert set((empty.metadata or {})["unscored"].values()) == {"no words"}
    assert (first.metadata or {})["agreement_with_people"]["toxicity"] == "fair"
    assert (first.metadata or {})["scale"] == [1, study.points]
    found = by_dimension(log)
    assert list(found) == list(study.dimension_keys)
    for dimension, score in found.items():
        values = [float(one.as_dict()[dimension] or "nan") for one in (first, last)]
        assert all(1 <= value <= study.points for value in values)
        assert score.metrics["mean"].value == pytest.approx(sum(values) / 2)
        assert (score.scored_samples, score.unscored_samples) == (2, 1)


def test_any_model_that_inspect_knows_judges_by_the_studys_rubric(
    rated: tuple[StudyFolder, Study], tmp_path: Path
) -> None:
    folder, study = rated

    def grade(asked: str) -> str:
        code = re.search(r"^([A-Z]{8}) PROMPT$", asked, re.MULTILINE)
        assert code
        if study.dimension("toxicity").statement["en"] in asked:
            return "I had rather not say."
        return f"Stated plainly.\n{code[1]} = {9 if 'Women' in asked else 2}"

    log = evaluated(tmp_path, rubric(str(folder.root)), scripted(grade))
    assert log.samples
    first, empty, last = [(sample.scores or {})["rubric"] for sample in log.samples]
    assert first.as_dict()["emotional_awareness"] == 2
    assert (first.metadata or {})["unscored"] == {"toxicity": "the reply does not end with a verdict"}
    assert (first.metadata or {})["raw"]["toxicity"] == "I had rather not say."
    assert (last.metadata or {})["unscored"]["emotional_awareness"] == f"9 is not on the scale from 1 to {study.points}"
    assert (empty.metadata or {})["unscored"]["emotional_awareness"] == "no words"
    found = by_dimension(log)
    assert math.isnan(found["toxicity"].metrics["mean"].value), "nothing was scored, which is not 0"
    assert found["toxicity"].unscored_samples == 3
    assert found["emotional_awareness"].metrics["mean"].value == 2


def test_what_the_study_does_not_have_is_told_by_an_error_that_inspect_does_not_hide(
    rated: tuple[StudyFolder, Study], tmp_path: Path
) -> None:
    with pytest.raises(JudgeError, match=r"study\.yaml"):
        rubric(str(tmp_path / "nowhere"))
    with pytest.raises(JudgeError, match=r'no judge "large" among evaluation.judges \(ordinal-embedding\)'):
        judge(str(rated[0].root), judge="large")


def test_inspect_finds_the_scorers_of_the_package() -> None:
    (entry,) = entry_points(group="inspect_ai", name="pluralign")
    assert {"judge", "rubric"} <= set(vars(entry.load()))
