"""Every field of an experiment changes something; those of its conditions are tried where pairs are made."""

from __future__ import annotations

from pathlib import Path

from pluralign.folder import StudyFolder
from pluralign.preferences import make_pairs
from pluralign.report.policies import experiment_title
from pluralign.report.sources import gather
from pluralign.study import Experiment, Study
from pluralign.training.grid import grid
from tests.preferences.examples import DESIRABLE, condition
from tests.preferences.test_settings import ratings
from tests.study.small import small

OTHER: dict[str, object] = {
    "key": "another",
    "title": {"en": "Another", "de": "Ein anderes"},
    "objective": {"helpfulness": 1.0, "toxicity": 3.0},
    "conditions": (condition(key="another"),),
    "training": {"steps": 99},
    "search": {"settings": [{"learning_rate": 0.1}, {"learning_rate": 0.2}]},
}


def study(**changed: object) -> Study:
    content = {"key": "trial", "objective": {"helpfulness": 1.0}, "conditions": (condition(key="only"),)}
    experiment = Experiment.model_validate(content | changed)
    return small().model_copy(update={"experiments": (experiment,)})


def test_every_field_is_tried() -> None:
    assert OTHER.keys() == Experiment.model_fields.keys()


def test_names_conditions_and_training_decide_which_models_are_tuned_and_how() -> None:
    for name in ("key", "conditions", "training", "search"):
        assert grid(study(**{name: OTHER[name]})) != grid(study())


def test_the_objective_decides_which_response_is_better() -> None:
    pairs = []
    for made in (study(), study(objective=OTHER["objective"])):
        goal = made.experiments[0].objective
        pairs.append(make_pairs(ratings(), condition(), goal, desirable=DESIRABLE, language="en")[0])
    assert not pairs[0][["chosen", "rejected", "p"]].equals(pairs[1][["chosen", "rejected", "p"]])


def test_the_title_stands_in_the_report(tmp_path: Path) -> None:
    titles = []
    for made in (study(), study(title=OTHER["title"])):
        sources = gather(StudyFolder(tmp_path), made, "en")
        titles.append(experiment_title(sources, made.experiments[0]))
    assert titles[0] != titles[1] == "Another"
