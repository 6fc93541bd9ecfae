"""POPQUORN's offensiveness ratings: comments rated by people with their demographics.

Source: the file ``offensiveness/raw_data.csv`` of the repository Jiaxin-Pei/Potato-Prolific-Dataset (Pei and Jurgens,
2023). What was rated are comments from social media, not responses to prompts; every comment is therefore a prompt of
its own, and no preference pairs can be made from these ratings.
"""

from __future__ import annotations

from pathlib import Path

from pluralign.feedback.adapters.assemble import Imported, assemble
from pluralign.feedback.adapters.files import read_csv
from pluralign.feedback.adapters.layout import Answers, Layout

_SILENT = ("Prefer not to disclose",)
LAYOUT = Layout(
    points=5,
    rater="user_id",
    item="instance_id",
    response={"en": "text"},
    dimensions={"offensiveness": "offensiveness"},
    demographics={
        "gender": Answers("gender", undeclared=_SILENT),
        "race": Answers("race", undeclared=_SILENT),
        "age": Answers("age", {">65": "65+"}, undeclared=_SILENT),
        "occupation": Answers("occupation", undeclared=_SILENT),
        "education": Answers(
            "education",
            {
                "College degree": "college",
                "Graduate degree": "graduate",
                "High school diploma or equivalent": "high_school",
                "Less than a high school diploma": "no_diploma",
            },
            undeclared=_SILENT,
        ),
    },
    source="POPQUORN, offensiveness",
    model="people",
)
COLUMNS = (
    "user_id",
    "instance_id",
    "text",
    "offensiveness",
    *(answers.column for answers in LAYOUT.demographics.values()),
)


def files(path: Path) -> list[Path]:
    """The files that are read: the one at ``path``."""
    return [path]


def read(path: Path, *, drop_invalid: bool, held_out: float, seed: int) -> Imported:
    """Read the file of raw ratings at ``path``."""
    frame = read_csv(path, COLUMNS)
    return assemble(frame, LAYOUT, path, drop_invalid=drop_invalid, held_out=held_out, seed=seed)
