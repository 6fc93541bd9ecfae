"""What participants are asked, as a version with a digest that every answer carries.

A study file that is changed while people take part becomes a new version. Whoever began keeps the version they began
with; the analysis can tell the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select

from pluralign.errors import MismatchError
from pluralign.manifests import digest_of
from pluralign.study import Study
from pluralign.survey.database.tables import instrument

# Parts of a study file that participants meet, or that decide what they are given.
PARTS = (
    "languages",
    "title",
    "texts",
    "first_question",
    "dimensions",
    "scale",
    "demographics",
    "attention_checks",
    "items_per_rater",
    "fielding.demographics",
    "fielding.tasks",
    "recruitment.eligible",
    "recruitment.quotas",
)
# Changes after which answers to the same question can no longer be laid side by side.
_BREAKING = ("scale", "dimensions", "first_question")
_LOADED: WeakKeyDictionary[Engine, dict[int, Study]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Instrument:
    """One version of the instrument; ``changed`` names the parts that differ from the version before."""

    version: int
    digest: str
    changed: tuple[str, ...]

    @property
    def comparable(self) -> bool:
        """Whether ratings under this version may be pooled with those under the version before."""
        return not set(self.changed) & set(_BREAKING)


def digest(study: Study) -> str:
    """The digest of everything participants meet."""
    return digest_of(_parts(study))


def register(connection: Connection, study: Study, now: datetime) -> Instrument:
    """The version of this study file, made new where anything that participants meet has changed.

    Raises MismatchError where the database belongs to a study of another name.
    """
    content = study.model_dump(mode="json")
    stored = connection.execute(select(instrument).order_by(instrument.c.version)).mappings().all()
    if stored and stored[-1]["study"]["name"] != study.name:
        raise MismatchError(
            f'The database holds the study "{stored[-1]["study"]["name"]}", the study file is "{study.name}". '
            "Give each study a database of its own."
        )
    for row in stored:
        # Not by digest, which is another one where it was made before a part was added to those that count.
        if not changes(row["study"], content):
            return Instrument(row["version"], row["digest"], ())
    changed = changes(stored[-1]["study"], content) if stored else ()
    made = Instrument((stored[-1]["version"] if stored else 0) + 1, digest(study), changed)
    values = {"version": made.version, "digest": made.digest, "study": content, "since": now}
    connection.execute(instrument.insert().values(**values))
    return made


def version_of(connection: Connection, study: Study) -> int:
    """The version that people who arrive now are given: that of the study file that is served, else the newest.

    They differ where a change was taken back, for a file as it was before is its old version again.
    """
    found = connection.execute(select(instrument.c.version).where(instrument.c.digest == digest(study)))
    return int(found.scalar_one_or_none() or newest_version(connection))


def newest_version(connection: Connection) -> int:
    """The version that was made last."""
    return int(connection.execute(select(func.max(instrument.c.version))).scalar_one())


def load(connection: Connection, version: int) -> Study:
    """The study as it was under ``version``; versions never change, so each is read once."""
    known = _LOADED.setdefault(connection.engine, {})
    if version not in known:
        query = select(instrument.c.study).where(instrument.c.version == version)
        known[version] = Study.model_validate(connection.execute(query).scalar_one())
    return known[version]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of the instrument in which two stored studies differ."""
    return tuple(part for part in PARTS if _part(before, part) != _part(after, part))


def _parts(study: Study) -> dict[str, Any]:
    content = study.model_dump(mode="json")
    return {part: _part(content, part) for part in PARTS}


def _part(content: Mapping[str, Any], part: str) -> Any:
    outer, _, inner = part.partition(".")
    # A study may have no recruitment, and one stored long ago lacks what came later.
    found = (content[outer] or {}).get(inner) if inner else content[outer]
    if part != "recruitment.quotas":
        return found
    # Of quotas people meet only the questions that are asked first; how many are wanted may change at any time.
    return sorted({key for quota in found or () for key in quota["where"]})
