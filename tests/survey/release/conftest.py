from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pluralign.folder import StudyFolder
from pluralign.study import Study
from pluralign.survey.database import Database
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.release.writing import corpus
from tests.survey.people import Person, take_part
from tests.survey.servers import study_folder
from tests.survey.small import fielded, small_study

PLAN = Plan(ratings_per_item=20)
DEMOGRAPHICS = [("she", "old")] * 5 + [("he", "young")] * 5 + [("he", "old")]


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(study_folder(tmp_path / "study", 6, first_question={"en": "About you?", "de": "Über dich?"}))


@pytest.fixture
def study(folder: StudyFolder) -> Study:
    return small_study(folder.root, first_question={"en": "About you?", "de": "Über dich?"})


@pytest.fixture
def tables(folder: StudyFolder) -> tuple[pd.DataFrame, pd.DataFrame]:
    return corpus(folder)


@pytest.fixture
def ids(database: Database, study: Study) -> list[str]:
    """Eleven people who finished, one of them rare, and one who left after an item."""
    fielded(database, study, PLAN)
    finished = [Person({"gender": gender, "age": age}) for gender, age in DEMOGRAPHICS]
    return take_part(database, study, PLAN, [*finished, Person(items=1)])
