"""What Prolific's rules say about a study, before anybody is rejected or underpaid because of it.

The rules are those of Prolific's researcher help pages on attention checks, rejections, pay, in-study screening and
personal information.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pluralign.study import Study
from pluralign.study.instrument import AttentionCheck
from pluralign.survey.fielding.plan import Plan, screened_questions
from pluralign.survey.recruitment.access import Access

# Least and recommended pay per hour, by currency.
_LEAST = {"GBP": 6.0, "USD": 8.0}
_RECOMMENDED = {"GBP": 9.0, "USD": 12.0}
_LONG = 5
_NEVER_ASKED = {
    "a name": r"\b(your|full|first|last|sur)[ -]?name\b|\binitials\b|\b(dein|ihr|euer|vor|nach|familien)e?n? ?name\b",
    "an e-mail address": r"\be-?mail\b",
    "a telephone number": r"\b(tele)?phone number\b|\bmobile number\b|\btelefonnummer\b|\bhandynummer\b",
    "a postal address": r"\b(postal|home|street|your) address\b|\banschrift\b|\b(post|wohn|deine|ihre) ?adresse\b",
    "a postcode": r"\bpost ?code\b|\bzip ?code\b|\bpostleitzahl\b",
    "a date of birth": r"\bdate of birth\b|\bbirth ?da(te|y)\b|\bgeburts(datum|tag)\b",
    "an employer": r"\bemployer\b|\bcompany (do )?you work\b|\barbeitgeber\b",
    "an account elsewhere": r"\b(instagram|twitter|facebook|tiktok|linkedin|social media) (handle|account|profile)\b",
}
_PLACEHOLDER = re.compile(r"\[[^\W\d_][^\[\]\n]{2,}\]")
_SENSITIVE = re.compile(r"ethnic|race|racial|politic|religio|health|sexual|orientation|union", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a study. ``breach``: against a rule of Prolific; ``advice``: allowed, but may mean trouble."""

    level: Literal["breach", "advice"]
    where: str
    text: str


def lint(study: Study, access: Access | None, plan: Plan) -> tuple[Finding, ...]:
    """What Prolific would object to, breaches first."""
    found = [*_placeholders(study), *_checks(study), *_questions(study), *_texts(study)]
    if access is not None or study.recruitment is None or study.recruitment.platform == "prolific":
        found += [*_pay(study), *_screening(study, access, plan), *_codes(access)]
    return tuple(sorted(found, key=lambda each: each.level != "breach"))


def _placeholders(study: Study) -> Iterator[Finding]:
    """Words that a template left to be filled in: nobody can agree to what [institution] does with their answers."""
    for where, text in _wordings(study.texts.model_dump(mode="json"), "texts"):
        if left := _PLACEHOLDER.findall(text):
            yield Finding("breach", where, f"still to be filled in: {', '.join(left)}.")


def _wordings(content: object, where: str) -> Iterator[tuple[str, str]]:
    """Every text with its place in the study file."""
    if isinstance(content, str):
        yield where, content
    elif isinstance(content, Mapping):
        for name, part in content.items():
            yield from _wordings(part, f"{where}.{name}")
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield from _wordings(part, f"{where}.{number}")


def _pay(study: Study) -> Iterator[Finding]:
    where, pay = "recruitment.pay", study.recruitment.pay if study.recruitment else None
    if pay is None:
        yield Finding("breach", where, "nobody may be asked to take part for nothing.")
        return
    if pay.currency not in _LEAST:
        yield Finding("breach", where, f"Prolific pays in GBP or USD, not in {pay.currency}.")
        return
    hourly, least, good = pay.amount / pay.minutes * 60, _LEAST[pay.currency], _RECOMMENDED[pay.currency]
    shown = f"{hourly:.2f} {pay.currency} an hour"
    if hourly < least:
        yield Finding("breach", where, f"{shown} is less than the least allowed, {least:.2f}.")
    elif hourly < good:
        yield Finding("advice", where, f"{shown} is allowed, but Prolific recommends {good:.2f} or more.")


def _checks(study: Study) -> Iterator[Finding]:
    checks, where = study.attention_checks, "attention_checks"
    minutes = study.recruitment.pay.minutes if study.recruitment and study.recruitment.pay else 0.0
    met = len(checks) * study.items_per_rater
    if met == 1 and minutes >= _LONG:
        yield Finding(
            "breach",
            where,
            f"a study of {minutes:g} minutes needs two failed checks before anybody may be rejected; people meet one.",
        )
    if checks and study.items_per_rater > 1:
        yield Finding(
            "advice",
            where,
            f"the same text comes back with each of {study.items_per_rater} items. An older rule bars checks that are "
            "repeated unchanged: do not reject for these checks alone.",
        )
    for number, check in enumerate(checks):
        yield from _wording(study, number, check)


def _wording(study: Study, number: int, check: AttentionCheck) -> Iterator[Finding]:
    """A check names the answer wanted, as every study file must; naming another one too makes it a riddle."""
    for language in study.languages:
        labels = {value: study.scale.labels[value - 1][language].casefold() for value in check.options}
        rest = check.text[language].casefold().replace(labels[check.wanted], "")
        others = [label for value, label in labels.items() if value != check.wanted and _names(rest, label)]
        if others:
            where = f"attention_checks.{number}.text.{language}"
            yield Finding("advice", where, f'it names another answer too ("{others[0]}"): say only what to choose.')


def _names(text: str, label: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text) is not None


def _questions(study: Study) -> Iterator[Finding]:
    for question in study.demographics:
        texts = " ".join(question.question.values())
        for what, pattern in _NEVER_ASKED.items():
            if re.search(pattern, texts, re.IGNORECASE):
                yield Finding("breach", f"demographics.{question.key}", f"Prolific forbids asking for {what}.")
    sensitive = [each.key for each in study.demographics if _SENSITIVE.search(each.key)]
    if sensitive and not study.texts.consent:
        asked = ", ".join(sensitive)
        yield Finding("breach", "texts.consent", f"sensitive data ({asked}) need an explicit consent that names them.")


def _screening(study: Study, access: Access | None, plan: Plan) -> Iterator[Finding]:
    asked = screened_questions(study, plan)
    if not asked:
        return
    eligible = study.recruitment.eligible if study.recruitment else None
    by_quota = plan.coverage or (study.recruitment and study.recruitment.quotas)
    where = "recruitment.eligible" if eligible else "recruitment.quotas"
    yield Finding(
        "advice",
        where,
        f"people are turned away by their answers to {', '.join(asked)}. Where Prolific has a filter for it, filter "
        "there; such a study cannot use a representative sample.",
    )
    endings = [name for name, there in (("screened_out", eligible), ("quota_full", by_quota)) if there]
    if access is None or access.screen_out is None or not set(endings) <= set(access.codes):
        listed = " and ".join(endings)
        yield Finding("breach", where, f"who is turned away must be paid: set a code for {listed}, and screen_out.")
        return
    minute = access.screen_out.amount * 60
    currency = study.recruitment.pay.currency if study.recruitment and study.recruitment.pay else ""
    if currency in _LEAST and minute < _LEAST[currency]:
        yield Finding("breach", "screen_out.amount", "it pays one minute with less than the least allowed per hour.")


def _texts(study: Study) -> Iterator[Finding]:
    needed = {"information": "who does what with the answers", "withdrawal": "how to withdraw"}
    for name, what in needed.items():
        if getattr(study.texts, name) is None:
            yield Finding("advice", f"texts.{name}", f"people must be told {what}.")


def _codes(access: Access | None) -> Iterator[Finding]:
    if access is None or "finished" not in access.codes:
        yield Finding("breach", "codes", "without a code for `finished`, everybody ends with NOCODE and waits for pay.")
    away = {code for ending, code in (access.codes if access else {}).items() if ending != "finished"}
    if len(away) > 1:
        text = "a study on Prolific has one code with a fixed payment: give `screened_out` and `quota_full` the same."
        yield Finding("breach", "codes", text)
