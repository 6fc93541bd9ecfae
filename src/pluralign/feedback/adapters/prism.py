"""PRISM: people from many countries write prompts and score the answers of several models.

Source: HannahKirk/prism-alignment (Kirk et al., 2024), as the folder with ``survey.jsonl`` and ``utterances.jsonl``,
plain or gzipped. Only opening turns are read: there the prompt stands alone and up to four models answer it; in later
turns the prompt depends on what was said before. The score is a slider from 1 to 100. Each prompt is rated by the
person who wrote it, so nothing is known of how different people see one answer. Texts by people are under CC BY 4.0,
the models' under CC BY-NC 4.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pluralign.errors import SchemaError
from pluralign.feedback.adapters.assemble import Imported, assemble
from pluralign.feedback.adapters.files import LINE, one_of, read_json_lines
from pluralign.feedback.adapters.layout import Answers, Layout
from pluralign.feedback.adapters.rows import Rows

_PLACES = {
    "gender": ("gender",),
    "age": ("age",),
    "education": ("education",),
    "employment": ("employment_status",),
    "marital_status": ("marital_status",),
    "english_proficiency": ("english_proficiency",),
    "ethnicity": ("ethnicity", "simplified"),
    "religion": ("religion", "simplified"),
    "region": ("location", "reside_region"),
    "locale": ("study_locale",),
}
"""Where the answers stand in a row of the survey."""

_AGES = ("18-24", "25-34", "35-44", "45-54", "55-64")
_CODES = {
    "gender": {"Non-binary / third gender": "non-binary"},
    "age": {f"{age} years old": age for age in _AGES} | {"65+ years old": "65+"},
}
_TOLD = (
    "user_id",
    "interaction_id",
    "utterance_id",
    "conversation_type",
    "turn",
    "model_name",
    "user_prompt",
    "model_response",
    "score",
)
LAYOUT = Layout(
    points=100,
    rater="user_id",
    item="utterance_id",
    prompt="interaction_id",
    prompt_text={"en": "user_prompt"},
    response={"en": "model_response"},
    dimensions={"preference": "score"},
    context="conversation_type",
    model_column="model_name",
    demographics={key: Answers(key, _CODES.get(key, {}), undeclared=("Prefer not to say",)) for key in _PLACES},
    source="PRISM",
    licence="CC BY 4.0 (prompts), CC BY-NC 4.0 (responses)",
)


def files(path: Path) -> list[Path]:
    """The two files that are read from the folder ``path``."""
    return [one_of(path, ["utterances.jsonl"]), one_of(path, ["survey.jsonl"])]


def read(path: Path, *, drop_invalid: bool, held_out: float, seed: int) -> Imported:
    """Read the opening turns in the folder ``path``."""
    told, asked = files(path)
    people = _people(asked)
    rows = Rows(_utterances(told), told, drop_invalid)
    rows.leave_out(rows.frame["turn"] != "0", "in later turns")
    rows.refuse(
        ~rows.frame["user_id"].isin(people.index),
        "of people not in the survey",
        lambda row: f"{asked.name} has no person {row['user_id']}",
    )
    frame = rows.frame.join(people, on="user_id")
    feedback, dropped = assemble(frame, LAYOUT, told, drop_invalid=drop_invalid, held_out=held_out, seed=seed)
    return feedback, rows.dropped | dropped


def _utterances(path: Path) -> pd.DataFrame:
    found = read_json_lines(path, _TOLD)
    rows = [[_text(content[key]) for key in _TOLD] for _, content in found]
    return pd.DataFrame(rows, columns=list(_TOLD), index=pd.Index([line for line, _ in found], name=LINE), dtype=object)


def _people(path: Path) -> pd.DataFrame:
    """The answers of every person as text, empty where the survey has none."""
    rows = {}
    for line, person in read_json_lines(path, ("user_id", "gender", "age")):
        if (name := _text(person["user_id"])) in rows:
            raise SchemaError(f"{path}, line {line}: the person {name} stands there twice. Fetch the file again.")
        rows[name] = {key: _at(person, place) for key, place in _PLACES.items()}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=object)


def _at(person: Any, place: tuple[str, ...]) -> str:
    for key in place:
        person = person.get(key) if isinstance(person, dict) else None
    return _text(person)


def _text(value: Any) -> str:
    """A value as the text a CSV file would hold: nothing for null, whole numbers without a point."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
