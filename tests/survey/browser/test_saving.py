"""What a browser adds to the pages: answers saved as they are given, texts that are written, languages, failures."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from pluralign.survey.database.tables import task
from pluralign.survey.words import words
from tests.survey.browser.conftest import Site
from tests.survey.browser.visitor import NEXT, Visitor, window

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
def test_the_back_button_brings_no_answer_about_one_item_into_the_form_of_the_next(
    chromium: Any, with_tasks: Site, scripts: bool
) -> None:
    with window(chromium, scripts=scripts) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        visitor.answer_page()
        page.fill("#task-edit", "Better so.")
        visitor.go_on()
        page.go_back()
        # Either page is right, if answers and the item that they are sent for belong together.
        if page.locator("h1").inner_text() == "Answer 2 of 3":
            assert page.locator("fieldset input:checked").count() == 0
            assert page.locator("#task-edit").input_value() == page.locator(".exchange .response .text").inner_text()
        else:
            assert page.locator("#task-edit").input_value() == "Better so."


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_changing_the_language_keeps_what_was_chosen_and_written(
    chromium: Any, with_tasks: Site, scripts: bool
) -> None:
    with window(chromium, scripts=scripts) as page:
        visitor = Visitor(page, with_tasks)
        visitor.arrive()
        visitor.choose("rating-toxicity", 1)
        page.fill("#task-edit", "Better so.")
        visitor.tab_to("#task-craft")
        page.keyboard.type("I would ask back.")
        speak(page, "Deutsch")
        assert page.locator("html").get_attribute("lang") == "de"
        assert page.locator('input[name="rating-toxicity"]:checked').get_attribute("value") == "2"
        assert page.locator("#task-edit").input_value() == "Better so."
        assert page.locator("#task-craft").input_value() == "I would ask back."


def speak(page: Any, language: str) -> None:
    """Change the language by keyboard."""
    page.get_by_role("button", name=language).focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_changing_the_language_keeps_the_ticks_of_the_agreement(chromium: Any, with_tasks: Site, scripts: bool) -> None:
    with window(chromium, scripts=scripts) as page:
        page.goto(f"{with_tasks.url}/?lang=en")
        page.check('input[name="consent-opinion"]')
        for language, code in (("Deutsch", "de"), ("English", "en"), ("Deutsch", "de")):
            speak(page, language)
            assert page.locator("html").get_attribute("lang") == code
            ticked = page.locator("input:checked").evaluate_all("all => all.map(each => each.name)")
            assert ticked == ["consent-opinion"]
        page.check('input[name="consent-participation"]')
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.url.endswith("/rate")
        assert page.locator("html").get_attribute("lang") == "de"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_changing_the_language_keeps_answers_about_oneself_and_goes_nowhere(
    chromium: Any, with_tasks: Site, scripts: bool
) -> None:
    with window(chromium, scripts=scripts) as page:
        Visitor(page, with_tasks).arrive()
        for _ in range(with_tasks.study.items_per_rater):
            with page.expect_navigation():
                page.click('.actions button[value="skip"]')
        page.check('input[name="question-gender"][value="he"]')
        speak(page, "Deutsch")
        assert page.locator("h1").inner_text() == words("de")["questions_heading"]
        assert page.locator("input:checked").get_attribute("value") == "he"
        page.check('input[name="question-age"][value="undeclared"]')
        speak(page, "English")
        assert page.locator("h1").inner_text() == words("en")["questions_heading"]
        with page.expect_navigation():
            page.get_by_role("button", name=words("en")["keep_going_later"]).click()
        with page.expect_navigation():
            page.get_by_role("link", name=words("en")["go_on"]).click()
        chosen = page.locator("input:checked").evaluate_all("all => all.map(each => each.value)")
        assert chosen == ["he", "undeclared"]
        with page.expect_navigation():
            page.keyboard.press("Tab")
            page.locator(NEXT).click()
        assert page.url.endswith("/end")


def test_what_is_written_is_saved_while_the_box_is_still_open(chromium: Any, with_tasks: Site) -> None:
    with window(chromium) as page:
        Visitor(page, with_tasks).arrive()
        page.locator("#task-craft").press_sequentially("Half a sen")
        page.get_by_text(SAVED, exact=True).wait_for()
        page.reload()
        assert page.locator("#task-craft").input_value() == "Half a sen"


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
