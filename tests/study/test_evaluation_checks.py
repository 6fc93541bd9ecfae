"""What of the evaluation's settings is refused, and in which words."""

from __future__ import annotations

import pytest

from pluralign.study import Study
from pluralign.study.evaluation import Evaluation
from pluralign.study.evaluation_checks import evaluation_problems
from tests.study.small import small


def study(**settings: object) -> Study:
    return small().model_copy(update={"evaluation": Evaluation.model_validate(settings)})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"groups": ["shoe_size"]}, "shoe_size"),
        ({"frontier": ["toxicity", "grace"]}, "grace"),
        ({"frontier": ["toxicity", "toxicity"]}, "twice"),
        ({"prompts": [{"key": "held-out", "kind": "off-topic"}]}, "the name of the study's own prompts"),
        ({"prompts": [{"key": "xstest", "kind": "over-refusal"}]}, "is needed with `kind: over-refusal`"),
        ({"prompts": [{"key": "a", "kind": "off-topic"}, {"key": "a", "kind": "off-topic"}]}, "a"),
        ({"judges": [{"key": "big", "kind": "served", "model": "m"}]}, "is needed with `kind: served`"),
        ({"judges": [{"key": "small", "kind": "local"}]}, "is needed with `kind: local`"),
        ({"judges": [{"model": "m"}]}, "is not read with `kind: ordinal-embedding`"),
        ({"judges": [{"max_new_tokens": 9}]}, "is not read with `kind: ordinal-embedding`"),
        ({"judges": [{"key": "toy", "kind": "plug-in"}]}, "is needed with `kind: plug-in`"),
    ],
)
def test_a_mistake_is_found_with_its_place(settings: dict[str, object], message: str) -> None:
    (problem,) = evaluation_problems(study(**settings))
    assert message in str(problem)
    assert problem.path[0] == "evaluation"


def test_settings_that_fit_are_no_mistake() -> None:
    judges = [{}, {"key": "big", "kind": "served", "model": "m", "address": "http://localhost/v1"}]
    fine = study(groups=["party"], frontier=["toxicity", "helpfulness"], judges=judges)
    assert list(evaluation_problems(fine)) == []


def test_the_old_spelling_of_the_only_judge_is_still_read() -> None:
    assert study(judge="ordinal-embedding").evaluation == Evaluation()
