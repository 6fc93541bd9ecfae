"""What the pages show, as plain values for the templates: texts in one language, options in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, select

from pluralign.study import Study
from pluralign.study.instrument import Demographic
from pluralign.survey.database.tables import assignment, item, prompt
from pluralign.survey.fielding.answers import LONGEST_TEXT, Given
from pluralign.survey.fielding.assignment import DONE, count_done
from pluralign.survey.fielding.participants import Participant, answers, offered
from pluralign.survey.fielding.plan import Answers, Plan, screened_questions
from pluralign.survey.participants.forms import CHECK, FIRST, QUESTION, RATING
from pluralign.survey.words import Words


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a question; ``value`` is what is sent."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question with answers to choose from. ``missing``: whether it was left out when it was needed."""

    name: str
    text: str
    hint: str
    choices: tuple[Choice, ...]
    missing: bool
    scale: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt and a response in one language. ``severity``: how offensive reviewers found the response."""

    prompt: str
    response: str
    severity: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended. ``text``: the name of what is said; ``kept``: whether there are answers that could be deleted."""

    text: str
    kept: bool
    nothing_left: bool


_TEXTS = select(prompt.c.texts, item.c.texts, item.c.severity, DONE.scalar_subquery())
_TEXTS = _TEXTS.join_from(item, prompt, prompt.c.prompt == item.c.prompt).where(item.c.item == bindparam("item"))


def exchange(connection: Connection, which: str, who: Participant) -> tuple[Exchange, int]:
    """An item in a participant's language, and how many items they have rated or skipped."""
    asked, answered, severity, done = connection.execute(_TEXTS, {"item": which, "participant": who.participant}).one()
    return Exchange(asked[who.language], answered[who.language], severity), done


def tasks(kinds: tuple[str, ...], about: Exchange, given: Given) -> tuple[tuple[str, str], ...]:
    """What may be written, and what stands in the box: the own text, or, to be edited, the response."""
    drafts = {"edit": about.response if len(about.response) <= LONGEST_TEXT else ""}
    return tuple((kind, given.tasks.get(kind, drafts.get(kind, ""))) for kind in kinds)


def without_unchanged(connection: Connection, which: str, given: Given) -> Given:
    """Take out an edited response that is the response itself, in whichever language it was shown."""
    if "edit" not in given.tasks:
        return given
    query = select(item.c.texts).join(assignment, assignment.c.item == item.c.item)
    texts = connection.execute(query.where(assignment.c.assignment == which)).scalar_one_or_none() or {}
    if given.tasks["edit"].split() not in [text.split() for text in texts.values()]:
        return given
    return replace(given, tasks={**given.tasks, "edit": ""})


def has_fewer_items(connection: Connection, study: Study, who: Participant) -> bool:
    """Whether somebody had fewer items than the study wanted of them, because none was left."""
    return count_done(connection, who.participant) < study.items_per_rater


def ending(connection: Connection, study: Study, plan: Plan, who: Participant) -> Ending:
    """What the last page says; of those who came too late, whether they were in before and what is kept of them."""
    if who.state == "finished":
        return Ending("end_finished_text", True, has_fewer_items(connection, study, who))
    if who.state != "quota_full":
        return Ending(f"end_{who.state}_text", False, False)
    rated = select(assignment.c.assignment).where(assignment.c.participant == who.participant).limit(1)
    if answers(connection, who.participant) or connection.execute(rated).first() is not None:
        return Ending("end_place_lost_text", True, False)
    asked = screened_questions(study, plan)
    return Ending("end_quota_full_text" if asked else "end_full_text", False, False)


def item_questions(
    study: Study, language: str, words: Words, given: Given, missing: tuple[str, ...]
) -> tuple[Question, ...]:
    """The first question, the statements, and the attention checks in their places."""
    return tuple(_item_questions(study, language, words, given, missing))


def _item_questions(
    study: Study, language: str, words: Words, given: Given, missing: tuple[str, ...]
) -> Iterator[Question]:
    if study.first_question is not None:
        chosen = {True: "yes", False: "no", None: ""}[given.first]
        choices = tuple(Choice(value, words[value], value == chosen) for value in ("yes", "no"))
        yield Question(FIRST, study.first_question[language], "", choices, FIRST in missing, scale=False)
    values = tuple(range(1, study.points + 1))
    for dimension in study.dimensions:
        yield Question(
            RATING + dimension.key,
            dimension.statement[language],
            dimension.definition[language],
            _scale(study, language, values, given.ratings.get(dimension.key)),
            dimension.key in missing,
            scale=True,
        )
        for n, check in enumerate(study.attention_checks):
            if check.after == dimension.key:
                choices = _scale(study, language, check.options, given.checks.get(n))
                yield Question(f"{CHECK}{n}", check.text[language], "", choices, f"check-{n}" in missing, scale=True)


def about_questions(
    study: Study, language: str, words: Words, keys: tuple[str, ...], known: Answers, missing: tuple[str, ...]
) -> tuple[Question, ...]:
    """Questions about the person; declining is always the last answer, and nothing is chosen beforehand."""
    return tuple(_about(study.demographic(key), language, words, known, key in missing) for key in keys)


def question_pages(study: Study, keys: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The questions ``keys`` page by page: one whose answers hang on another question comes a page after it."""
    pages: list[tuple[str, ...]] = []
    left = keys
    while left:
        pages.append(tuple(key for key in left if not _hangs_on(study.demographic(key)) & set(left)))
        left = tuple(key for key in left if key not in pages[-1])
    return tuple(pages) or ((),)


def page_of_questions(study: Study, keys: tuple[str, ...], known: Answers, wanted: int | None) -> int:
    """The page of questions to show: the one ``wanted``, but none after the first on which something is open."""
    pages = question_pages(study, keys)
    open_pages = (number for number, page in enumerate(pages) if not set(page) <= set(known))
    first_open = next(open_pages, len(pages) - 1)
    return first_open if wanted is None else min(wanted, first_open)


def questions_hint(study: Study, who: Participant) -> str:
    """The name of what is said above the questions: why they are asked first, or that none must be answered."""
    if who.state != "screening":
        return "questions_hint"
    return "eligible_hint" if study.recruitment and study.recruitment.eligible else "screening_hint"


def standing(study: Study, known: Answers) -> dict[str, str]:
    """The answers that are still offered: one may have gone with a changed answer that it hung on."""
    return {key: code for key, code in known.items() if code in offered(study.demographic(key), known)}


def _hangs_on(question: Demographic) -> set[str]:
    return {key for option in question.options for key in option.when}


def _about(question: Demographic, language: str, words: Words, known: Answers, missing: bool) -> Question:
    labels = {option.code: option.label[language] for option in question.options} | {"undeclared": words["undeclared"]}
    choices = tuple(Choice(code, labels[code], known.get(question.key) == code) for code in offered(question, known))
    return Question(QUESTION + question.key, question.question[language], "", choices, missing, scale=False)


def _scale(study: Study, language: str, values: tuple[int, ...], chosen: int | None) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), study.scale.labels[value - 1][language], value == chosen) for value in values)
