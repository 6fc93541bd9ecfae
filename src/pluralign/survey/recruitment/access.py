"""How a survey is tied to Prolific: codes, secrets, studies. None of it is in the study file, which is public."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError

from pluralign.errors import ConfigError
from pluralign.study.base import Model

SETTINGS_FILE = "survey-settings.yaml"
COMPLETION_URL = "https://app.prolific.com/submissions/complete"
TOKEN, WEBHOOK_SECRET, CODES = (
    "PLURALIGN_PROLIFIC_TOKEN",
    "PLURALIGN_PROLIFIC_WEBHOOK_SECRET",
    "PLURALIGN_PROLIFIC_CODES",
)

Ending = Literal["finished", "screened_out", "quota_full"]
CompletionCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,64}$")]


class ScreenOut(Model):
    """What people are paid who come and may not take part, or of whose kind no more are needed."""

    amount: Annotated[float, Field(gt=0)]
    places: Annotated[int, Field(ge=1)]


class Access(Model):
    """A survey's access to Prolific.

    ``codes``: completion code per ending; the two for people who are turned away may be the same, as Prolific takes one
    code with a fixed payment per study; ``audience``: the survey's own address, given when Prolific signs its links,
    and then nobody gets in without a signature; ``studies``: ids of the studies on Prolific that lead here (none: any);
    ``keep_days``: days after which the link between a Prolific id and its answers is destroyed.
    """

    codes: Mapping[Ending, CompletionCode] = {}
    audience: str | None = None
    studies: tuple[str, ...] = ()
    keep_days: Annotated[int, Field(ge=1)] = 90
    screen_out: ScreenOut | None = None
    address: str = "https://api.prolific.com"
    token: str | None = Field(default=None, repr=False)
    webhook_secret: str | None = Field(default=None, repr=False)


class _File(Model):
    prolific: Access = Access()


def read_access(folder: Path) -> Access | None:
    """What ``survey-settings.yaml`` and the environment say about Prolific, or None where neither says anything.

    The environment goes before the file. Raises ConfigError where something cannot be right.
    """
    path = folder / SETTINGS_FILE
    given = {
        "codes": _codes(os.environ.get(CODES)),
        "token": os.environ.get(TOKEN),
        "webhook_secret": os.environ.get(WEBHOOK_SECRET),
    }
    given = {name: value for name, value in given.items() if value}
    if not path.exists() and not given:
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        access = _File.model_validate(content or {}).prolific
        access = Access.model_validate(access.model_dump() | given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{path} is not YAML. Correct it, or delete it where nobody comes from Prolific.") from None
    if "finished" in access.codes and list(access.codes.values()).count(access.codes["finished"]) > 1:
        raise ConfigError(
            f"{path}: `finished` has the same completion code as another ending; Prolific could not tell them apart."
        )
    return access


def _codes(text: str | None) -> dict[str, str]:
    """``finished=C1,quota_full=C2`` as a mapping."""
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    return {key.strip(): value.strip() for key, _, value in pairs}
