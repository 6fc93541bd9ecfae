"""Every page in a real browser: rules of axe, widths, text sizes, where the focus is and whether it can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pluralign.survey.database.tables import assignment, item
from pluralign.survey.words import words
from tests.survey.browser.conftest import Site
from tests.survey.browser.visitor import NEXT, Visitor, window

pytestmark = pytest.mark.browser

# Off by default in axe; the rest of WCAG 2.2 that it can judge, and its best practices, are on.
RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


def press(page: Any, button: str) -> None:
    """Press a button and wait for the page that follows, so that nothing is measured between two pages."""
    with page.expect_navigation(wait_until="load"):
        page.click(button)


def states(page: Any, site: Site, language: str) -> Iterator[str]:
    """Every page, and every page with its complaints, one after the other; names what is on the screen."""
    page.goto(f"{site.url}/?lang={language}")
    yield "welcome"
    press(page, NEXT)
    yield "welcome, agreement missing"
    for box in page.locator("input[type=checkbox]").all():
        box.check()
    press(page, NEXT)
    yield "screening"
    press(page, NEXT)
    yield "screening, answer missing"
    page.check('input[name="question-country"][value="de"]')
    press(page, NEXT)
    yield "item"
    page.locator("summary").evaluate_all("all => all.forEach(each => each.click())")
    yield "item, everything unfolded"
    page.check('input[name="rating-toxicity"][value="2"]')
    press(page, NEXT)
    yield "item, answers missing"
    for path in ("later", "withdraw", "no-such-page"):
        page.goto(f"{site.url}/{path}")
        yield path
    page.goto(f"{site.url}/go")
    while page.url.endswith("/rate"):
        press(page, 'button[value="skip"]')
    yield "questions"
    press(page, NEXT)
    yield "questions, answers missing"
    while page.url.endswith("/questions"):
        for group in page.locator("fieldset.question").all():
            group.locator("input").last.check()
        press(page, NEXT)
    yield "end"
    page.goto(f"{site.url}/withdraw")
    press(page, "button.danger")
    yield "withdrawn"


def too_wide(page: Any) -> list[str]:
    """What stands out over the right edge of the window."""
    return list(
        page.evaluate(
            """() => {
            const root = document.documentElement
            if (root.scrollWidth <= root.clientWidth) return []
            const out = [...document.querySelectorAll('body *')].filter(
              each => each.getBoundingClientRect().right > root.clientWidth + 1)
            return out.map(each => each.tagName + '.' + each.className)
          }"""
        )
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_axe_finds_nothing_and_nothing_is_cut_off_at_any_width_at_four_hundred_percent_or_with_letters_twice_as_large(
    chromium: Any, gender_values: Site, language: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing").Axe()
    seen = []
    with window(chromium, language=language) as page:
        for name in states(page, gender_values, language):
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                found = axe.run(page, options=RULES).response
                assert not found["violations"], f"{name}, {width}: {[each['id'] for each in found['violations']]}"
                assert found["passes"], name
                assert not too_wide(page), (name, width)
            # 400 % of a wide window, 200 % of a phone.
            for width, height in ((320, 256), (195, 422)):
                page.set_viewport_size({"width": width, "height": height})
                assert not too_wide(page), f"{name}, enlarged to {width}"
            page.set_viewport_size({"width": 640, "height": 900})
            page.evaluate("document.documentElement.style.fontSize = '212.5%'")
            assert not too_wide(page), f"{name} with large letters"
            page.evaluate("document.documentElement.style.fontSize = ''")
            seen.append(page.title())
    assert len(seen) == 14
    assert sum(title.startswith(words(language)["missing_heading"]) for title in seen) == 4


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_what_is_missing_has_the_focus_and_leads_to_the_question(
    chromium: Any, gender_values: Site, scripts: bool
) -> None:
    with window(chromium, width=390, height=844, scripts=scripts) as page:
        visitor = Visitor(page, gender_values)
        page.goto(f"{gender_values.url}/?lang=en")
        visitor.go_on()
        assert words("en")["consent_needed"] in page.locator(".summary:focus").inner_text()
        assert page.locator(".summary:focus").is_visible()
        visitor.arrive()
        visitor.answer_page()
        visitor.go_on()
        visitor.choose("rating-toxicity", 1)
        visitor.go_on()
        summary = page.locator(".summary:focus")
        assert words("en")["missing_heading"] in summary.inner_text()
        assert summary.locator("a").count() == 8
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.locator('fieldset#first input[name="first"]:focus').count() == 1


def hidden_focus(page: Any) -> str | None:
    """What covers the middle of the element that has the focus, if anything does, or where it is outside."""
    found = page.evaluate(
        """() => {
        const focused = document.activeElement
        const shown = focused.closest('label') || focused
        const box = shown.getBoundingClientRect()
        const y = Math.min(Math.max(box.top, 0) + 8, box.bottom - 2), x = box.left + Math.min(20, box.width / 2)
        if (box.bottom <= 0 || box.top >= innerHeight) return 'outside of the window'
        const top = document.elementFromPoint(x, y)
        return top && (shown.contains(top) || top.contains(shown)) ? null : top ? top.outerHTML.slice(0, 80) : 'nothing'
      }"""
    )
    return None if found is None else str(found)


def outline(page: Any) -> float:
    """Width of the outline around the element that has the focus, or around its label."""
    return float(
        page.evaluate(
            """() => {
            const focused = document.activeElement, label = focused.closest('label')
            const widths = [focused, label].filter(Boolean).map(each => getComputedStyle(each))
              .map(style => style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth))
            return Math.max(...widths)
          }"""
        )
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_the_focus_is_always_seen_and_never_behind_the_answer_that_stays(
    chromium: Any, gender_values: Site, width: int
) -> None:
    with window(chromium, language="de", width=width, height=844) as page:
        visitor = Visitor(page, gender_values)
        visitor.arrive("de")
        visitor.choose("question-country", 1)
        visitor.go_on()
        for unfolded in (False, True) if width == 390 else (False,):
            page.goto(f"{gender_values.url}/rate")
            stops = 0
            if unfolded:
                visitor.tab_to(".again summary")
                page.keyboard.press("Enter")
            for key in ["Tab"] * 16 + ["Shift+Tab"] * 12:
                page.keyboard.press(key)
                if page.evaluate("document.activeElement === document.body"):
                    continue
                where = page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
                assert hidden_focus(page) is None, f"{where} is covered by {hidden_focus(page)}"
                assert outline(page) >= 2, where
                stops += 1
            assert stops >= 24


def test_the_answer_stays_in_view_beside_the_last_statement(chromium: Any, gender_values: Site) -> None:
    with window(chromium, width=1280, height=900) as page:
        visitor = Visitor(page, gender_values)
        visitor.arrive()
        visitor.choose("question-country", 0)
        visitor.go_on()
        page.locator("#rating-helpfulness").scroll_into_view_if_needed()
        box = page.locator(".exchange .response").bounding_box()
        assert 0 <= box["y"] < 900
        assert not page.locator(".again").is_visible()


def test_on_a_phone_the_answer_is_one_key_away(chromium: Any, gender_values: Site) -> None:
    with window(chromium, width=390, height=844, scripts=False) as page:
        visitor = Visitor(page, gender_values)
        visitor.arrive()
        visitor.choose("question-country", 0)
        visitor.go_on()
        answer = page.locator(".exchange .response .text").inner_text()
        visitor.tab_to(".again summary")
        page.keyboard.press("Enter")
        page.locator("#rating-helpfulness").scroll_into_view_if_needed()
        box = page.locator(".again .text").bounding_box()
        assert 0 <= box["y"] < 200
        assert page.locator(".again .text").inner_text() == answer


@contextmanager
def distressing(site: Site) -> Iterator[None]:
    """Reviewers found every answer very distressing."""
    site.database.run(lambda connection: connection.execute(update(item).values(severity="strong")))
    yield
    site.database.run(lambda connection: connection.execute(update(item).values(severity="none")))


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("de", 390)])
def test_a_warning_is_accessible_and_its_answer_opens_by_key_without_scripts(
    chromium: Any, gender_values: Site, language: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing").Axe()
    with distressing(gender_values):
        with window(chromium, language=language, width=width, height=844, scripts=False) as page:
            visitor = Visitor(page, gender_values)
            visitor.arrive(language)
            visitor.choose("question-country", 0)
            visitor.go_on()
            answer = page.locator(".response .text")
            assert not answer.is_visible()
            visitor.tab_to(".veil summary")
            page.keyboard.press("Enter")
            assert answer.is_visible()
        with window(chromium, language=language, width=width, height=844) as page:
            visitor = Visitor(page, gender_values)
            visitor.arrive(language)
            visitor.choose("question-country", 0)
            visitor.go_on()
            assert words(language)["warned_strong"] in page.locator(".caution").inner_text()
            assert not axe.run(page, options=RULES).response["violations"]
            assert not too_wide(page)
            press(page, ".caution button")
            assert "2" in page.locator("h1").inner_text()


def rated(site: Site) -> int:
    """How many items anybody has rated to the end."""
    query = select(func.count()).where(assignment.c.state == "done")
    return site.database.run(lambda connection: connection.execute(query).scalar_one())


def test_enter_goes_on_and_presses_no_other_button(chromium: Any, gender_values: Site) -> None:
    before = rated(gender_values)
    with distressing(gender_values), window(chromium, width=1280) as page:
        visitor = Visitor(page, gender_values)
        visitor.arrive()
        visitor.choose("question-country", 0)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        visitor.answer_page()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("html").get_attribute("lang") == "en"
        assert "2" in page.locator("h1").inner_text()
        assert rated(gender_values) == before + 1


def test_help_lines_are_one_key_away_from_every_item(chromium: Any, gender_values: Site) -> None:
    with window(chromium, language="de", width=390, height=844) as page:
        visitor = Visitor(page, gender_values)
        visitor.arrive("de")
        visitor.choose("question-country", 1)
        visitor.go_on()
        visitor.tab_to(".help summary")
        page.keyboard.press("Enter")
        assert page.locator('.help a[href="tel:08001110111"]').is_visible()
