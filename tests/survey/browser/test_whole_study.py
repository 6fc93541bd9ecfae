"""The study of the template, played from the first page to the last with the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from pluralign.survey.database.tables import answer, assignment, attention, first_answer, participant, rating
from pluralign.survey.words import words
from tests.survey.browser.conftest import CODE, Site
from tests.survey.browser.visitor import Visitor, window

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_whole_study_is_played_with_the_keyboard(
    chromium: Any, gender_values: Site, language: str, width: int, scripts: bool
) -> None:
    with window(chromium, language=language, width=width, scripts=scripts) as page:
        visitor = Visitor(page, gender_values, seed=width + scripts)
        visitor.take_part(language)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("h1").inner_text() == words(language)["end_finished"]
        codes = page.locator(".codes dd").all_inner_texts()
    assert codes[0] == CODE
    assert len(visitor.items) == gender_values.study.items_per_rater
    assert stored(gender_values, codes[1]) == (language, visitor.items, visitor.about)


def stored(site: Site, who: str) -> tuple[str, list[dict[str, str]], dict[str, str]]:
    """Language, answers about items and answers about the person, named as on the pages."""
    with site.database.read() as connection:
        language = connection.execute(select(participant.c.language).where(participant.c.participant == who))
        given = select(answer.c.question, answer.c.code).where(answer.c.participant == who)
        about = {f"question-{row.question}": row.code for row in connection.execute(given)}
        order = select(assignment.c.assignment).where(assignment.c.participant == who, assignment.c.state == "done")
        items = []
        for each in connection.execute(order.order_by(assignment.c.position)).scalars():
            item: dict[str, str] = {}
            for table, name, column in (
                (first_answer, "first", None),
                (rating, "rating-{}", "dimension"),
                (attention, "check-{}", "position"),
            ):
                for row in connection.execute(select(table).where(table.c.assignment == each)).mappings():
                    value = {True: "yes", False: "no"}[row["value"]] if column is None else str(row["value"])
                    item[name.format(row[column] if column else "")] = value
            items.append(item)
        return str(language.scalar_one()), items, about
