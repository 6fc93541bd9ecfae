"""Answers as they stand in a data file, turned into codes as a study file has them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pandas as pd

from pluralign.errors import SchemaError
from pluralign.feedback.adapters.layout import Answers
from pluralign.study import UNDECLARED

_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "&": " and ", ">": " over ", "<": " under "})


def code_of(answer: str) -> str:
    """A code in the form that study files use: ``College degree`` becomes ``college_degree``, ``18-24`` remains."""
    spelt = unicodedata.normalize("NFKD", answer.strip().lower().translate(_SPELT))
    plain = "".join(letter for letter in spelt if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9+-]+", "_", plain).lstrip("+_-").rstrip("_-")


def coded(values: pd.Series[str], answers: Answers, path: Path) -> pd.Series[str]:
    """The codes of a column of answers; null where a cell is empty.

    Raises SchemaError where no code can be made from an answer, or two answers would get the same one.
    """
    table: dict[str, str] = {}
    origin: dict[str, str] = {}
    given = values[values.str.strip() != ""]
    for answer, line in zip(given.drop_duplicates(), given.drop_duplicates().index, strict=True):
        named = answers.codes.get(answer)
        code = named or (UNDECLARED if answer in answers.undeclared else code_of(answer))
        other = origin.setdefault(code, answer)
        alike = other.strip().lower() == answer.strip().lower() or named is not None or other in answers.codes
        if not code or not (alike or code == UNDECLARED):
            why = f"the same code as {other!r}" if code else "no code, as it has neither letters nor digits"
            raise SchemaError(
                f"{path}, line {line}: the answer {answer!r} in column {answers.column} gets {why}. Import the file as "
                "csv with a mapping file that names its codes."
            )
        table[answer] = code
    return values.map(table).where(values.str.strip() != "", None)
