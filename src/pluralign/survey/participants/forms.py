"""What comes back from a page, read into answers. Nothing that a browser sends is believed."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import FormData

from pluralign.study import Study
from pluralign.survey.fielding.answers import LONGEST_TEXT, Given
from pluralign.survey.fielding.participants import offered
from pluralign.survey.fielding.plan import Answers

# Names of fields: what they ask, then which.
RATING, CHECK, FIRST, TASK, QUESTION, CONSENT = "rating-", "check-", "first", "task-", "question-", "consent-"
_LANGUAGE_WISH = "language:"


def read_given(study: Study, form: FormData, tasks: tuple[str, ...]) -> Given:
    """The answers about one item; fields that hold none of the offered answers count as not answered."""
    ratings = {key: _value(form, RATING + key, range(1, study.points + 1)) for key in study.dimension_keys}
    checks = {n: _value(form, f"{CHECK}{n}", check.options) for n, check in enumerate(study.attention_checks)}
    first = {"yes": True, "no": False}.get(_text(form, FIRST))
    return Given(
        {key: value for key, value in ratings.items() if value is not None},
        {key: value for key, value in checks.items() if value is not None},
        first if study.first_question is not None else None,
        # Browsers send line ends as two characters.
        {kind: _text(form, TASK + kind).replace("\r\n", "\n")[:LONGEST_TEXT] for kind in tasks if TASK + kind in form},
    )


def read_answers(study: Study, form: FormData, asked: tuple[str, ...], known: Answers) -> dict[str, str]:
    """Answers about oneself; only those that are offered to somebody whose other answers are ``known``."""
    found = {key: _text(form, QUESTION + key) for key in asked}
    return {key: code for key, code in found.items() if code in offered(study.demographic(key), known)}


def read_consent(study: Study, form: FormData) -> Mapping[str, bool]:
    """Which parts were agreed to."""
    return {part.key: _text(form, CONSENT + part.key) == "yes" for part in study.texts.consent}


def read_language(study: Study, form: FormData) -> str | None:
    """The language that the button pressed asks for; None for any other button, or a language the study has not."""
    wish = _text(form, "wish")
    language = wish.removeprefix(_LANGUAGE_WISH)
    return language if wish != language and language in study.languages else None


def read_number(text: object) -> int | None:
    """A small number as an address or a hidden field brings it, such as that of a page; None for anything else."""
    if not isinstance(text, str) or len(text) > 3 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


def _value(form: FormData, name: str, allowed: range | tuple[int, ...]) -> int | None:
    value = read_number(_text(form, name))
    return value if value in allowed else None


def _text(form: FormData, name: str) -> str:
    """The last value of a field; a file in its place counts as nothing, and neither database stores NUL."""
    value = form.getlist(name)[-1] if form.getlist(name) else ""
    return value.replace("\x00", "") if isinstance(value, str) else ""
