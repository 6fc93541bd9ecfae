"""What a browser adds to the pages: answers saved as they are given, texts that are written, languages, failures."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from pluralign.survey.database.tables import task
from pluralign.survey.words import words
from tests.survey.browser.conftest import Site
from tests.survey.browser.visitor import Visitor, window

pytestmark = pytest.mark.browser
SAVED = words("en")["saved"]


def test_an_answer_is_saved_when_it_is_given_and_there_after_reloading(chromium: Any, with_tasks: Site) -> None:
    with window(chromium) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        assert visitor.choose("rating-toxicity", 2) == "3"
        page.get_by_text(SAVED).wait_for()
        page.reload()
        assert page.locator('input[name="rating-toxicity"]:checked').get_attribute("value") == "3"
        assert page.locator("input:checked").count() == 1


def test_when_saving_fails_it_is_said_and_nothing_chosen_is_lost(chromium: Any, with_tasks: Site) -> None:
    with window(chromium) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        page.route("**/rate", lambda route: route.abort())
        visitor.choose("rating-toxicity", 1)
        page.get_by_text(words("en")["saving_failed"]).wait_for()
        page.unroute("**/rate")
        visitor.choose("rating-helpfulness", 0)
        page.get_by_text(SAVED, exact=True).wait_for()
        page.reload()
        assert page.locator('input[name="rating-toxicity"]:checked').get_attribute("value") == "2"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_changing_the_language_keeps_what_was_chosen_and_written(
    chromium: Any, with_tasks: Site, scripts: bool
) -> None:
    with window(chromium, scripts=scripts) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        visitor.choose("rating-toxicity", 1)
        visitor.tab_to("#task-craft")
        page.keyboard.type("I would ask back.")
        page.get_by_role("button", name="Deutsch").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("html").get_attribute("lang") == "de"
        assert page.locator('input[name="rating-toxicity"]:checked').get_attribute("value") == "2"
        assert page.locator("#task-craft").input_value() == "I would ask back."


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_response_is_edited_and_another_written(chromium: Any, with_tasks: Site, scripts: bool) -> None:
    with window(chromium, scripts=scripts) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        response = page.locator(".exchange .response .text").inner_text()
        assert page.locator("#task-edit").input_value() == response
        visitor.answer_page()
        visitor.tab_to("#task-edit")
        page.keyboard.press("Control+End")
        page.keyboard.type(" And more.")
        visitor.tab_to("#task-craft")
        page.keyboard.type("First line\nSecond line")
        visitor.go_on()
        assert page.locator("h1").inner_text() == "Answer 2 of 3"
    assert texts(with_tasks)[-2:] == [("craft", "First line\nSecond line"), ("edit", f"{response} And more.")]


def test_a_response_left_as_it_is_counts_as_no_edit(chromium: Any, with_tasks: Site) -> None:
    before = texts(with_tasks)
    with window(chromium) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        visitor.answer_page()
        visitor.go_on()
        assert page.locator("h1").inner_text() == "Answer 2 of 3"
    assert texts(with_tasks) == before


def texts(site: Site) -> list[tuple[str, str]]:
    """What has been written, oldest first."""
    with site.database.read() as connection:
        rows = connection.execute(select(task.c.kind, task.c.text).order_by(task.c.at, task.c.kind))
        return [(row.kind, row.text) for row in rows]
