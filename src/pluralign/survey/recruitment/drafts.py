"""A study on Prolific, made from the study file and the survey's settings."""

from __future__ import annotations

import math
from typing import Any

from pluralign.errors import ConfigError
from pluralign.study import Study
from pluralign.survey.recruitment.access import Access
from pluralign.survey.recruitment.entry import PERSON, STUDY, SUBMISSION

# Slower people need room: as many times the expected minutes, and never fewer than these.
_SLOWER, _LEAST_MINUTES = 3, 20
_CURRENCIES = ("GBP", "USD")


def draft(study: Study, access: Access, url: str, language: str) -> dict[str, Any]:
    """What Prolific is sent to create the study; ``url`` is the survey's address.

    Raises ConfigError where the study file or the settings lack what Prolific needs.
    """
    recruitment = study.recruitment
    if recruitment is None or recruitment.platform != "prolific" or recruitment.pay is None:
        raise ConfigError("The study file needs recruitment: {platform: prolific, target: …, pay: {…}}.")
    if recruitment.pay.currency not in _CURRENCIES:
        raise ConfigError(f"recruitment.pay.currency is {recruitment.pay.currency}; Prolific pays in GBP or USD.")
    if "finished" not in access.codes:
        raise ConfigError("There is no completion code for `finished`; without one Prolific cannot pay people.")
    minutes = math.ceil(recruitment.pay.minutes)
    welcome = study.texts.welcome
    return {
        "name": study.title[language],
        "internal_name": study.name,
        "description": welcome[language] if welcome else study.title[language],
        "external_study_url": entry_url(url),
        "is_external_study_url_secure": access.audience is not None,
        "prolific_id_option": "url_parameters",
        "completion_codes": completion_codes(access),
        "total_available_places": recruitment.target,
        "estimated_completion_time": minutes,
        "maximum_allowed_time": max(_LEAST_MINUTES, _SLOWER * minutes),
        "reward": cents(recruitment.pay.amount),
        "device_compatibility": ["desktop", "tablet", "mobile"],
        "peripheral_requirements": [],
        "filters": [],
    }


def entry_url(url: str) -> str:
    """The survey's address with the places that Prolific fills with its ids."""
    named = "&".join(f"{name}={{{{%{name}%}}}}" for name in (PERSON, STUDY, SUBMISSION))
    return f"{url.rstrip('/')}/?{named}"


def completion_codes(access: Access) -> list[dict[str, Any]]:
    """Every code once: who finished is reviewed, who was turned away is paid for coming."""
    found: list[dict[str, Any]] = []
    for code, ending in {code: ending for ending, code in access.codes.items()}.items():
        entry: dict[str, Any] = {"code": code, "code_type": "COMPLETED", "actor": "participant"}
        if ending == "finished":
            found.append(entry | {"actions": [{"action": "MANUALLY_REVIEW"}]})
            continue
        if access.screen_out is None:
            raise ConfigError(f"The settings have a code for {ending} but no `screen_out: {{amount: …, places: …}}`.")
        payment = {
            "action": "FIXED_SCREEN_OUT_PAYMENT",
            "fixed_screen_out_reward": cents(access.screen_out.amount),
            "slots": access.screen_out.places,
        }
        found.append(entry | {"code_type": "FIXED_SCREENOUT", "actions": [payment]})
    return found


def cents(amount: float) -> int:
    """An amount in pence or cents."""
    return round(amount * 100)
