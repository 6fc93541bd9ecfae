"""What all parts of the study file are made of: the base model, texts, keys and codes."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

UNDECLARED = "undeclared"
"""The code of "I prefer not to say", offered last in every demographic question without being listed."""

_COLUMNS = {"rater", "language", "origin", "weight", "flags", "rating", "value", "item", "prompt", "context"}
_MORE_COLUMNS = {"dimension", "model", "generation", "review", "seconds", "position", "time", "attention"}
_WORDS = {"and", "or", "not", "in", "true", "false", "null", "none"}

RESERVED = frozenset(_COLUMNS | _MORE_COLUMNS | _WORDS)
"""Names that are columns of the tables or words of the expressions, so no demographic may bear them."""


class Model(BaseModel):
    """A part of the study file: cannot be changed once made, refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_ANYTHING, _LANGUAGE, _KEY = r"\S", r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", r"^[a-z][a-z0-9_]*$"
_CODE, _SLUG, _CURRENCY = r"^[a-z0-9][a-z0-9_+-]*$", r"^[a-z0-9][a-z0-9-]*$", r"^[A-Z]{3}$"


class Shape(NamedTuple):
    """What a pattern is called and what it lets through, in words."""

    name: str
    words: str


SHAPES = {
    _ANYTHING: Shape("text", "text that is not empty"),
    _LANGUAGE: Shape("language", "a language such as en, de or pt-BR"),
    _KEY: Shape("key", "small letters, digits and _, beginning with a letter"),
    _CODE: Shape("code", "small letters, digits, _, + and -, beginning with a letter or digit"),
    _SLUG: Shape("name", "small letters, digits and -, beginning with a letter or digit"),
    _CURRENCY: Shape("currency", "three capital letters such as USD"),
}
"""What the patterns of the study file mean."""

Words = Annotated[str, StringConstraints(pattern=_ANYTHING)]
"""Text that is not empty and not only blanks."""

Language = Annotated[str, StringConstraints(pattern=_LANGUAGE)]
"""A language as in HTML: ``en``, ``de``, ``pt-BR``."""


def is_language(value: object) -> bool:
    """Whether a value has the shape of a language."""
    return isinstance(value, str) and re.search(_LANGUAGE, value) is not None


Key = Annotated[str, StringConstraints(pattern=_KEY)]
"""The name of a dimension, demographic or context: it becomes a column, a term of a formula, a level."""

Code = Annotated[str, StringConstraints(pattern=_CODE)]
"""The code under which an answer is stored, the same in every language: ``18-30``, ``60+``, ``she``."""

Slug = Annotated[str, StringConstraints(pattern=_SLUG)]
"""The name of a study, experiment or condition: it becomes the name of a folder."""

Currency = Annotated[str, StringConstraints(pattern=_CURRENCY)]
"""A currency by its ISO 4217 code."""

Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]


class Text(dict[str, str]):
    """One text in several languages: a mapping from language to wording, such as ``{"en": "agree"}``."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        wordings = handler(dict[Language, Words])
        return core_schema.no_info_after_validator_function(cls, wordings)
