"""The review page in a browser: a hundred texts by keyboard alone, on a phone, without JavaScript."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralign.folder import StudyFolder
from pluralign.study import load
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.researchers import accounts, reviews
from pluralign.survey.serving import prepare
from tests.survey.researchers.conftest import PASSWORD
from tests.survey.running import running
from tests.survey.small import NOW

pytestmark = pytest.mark.browser

WANTED = 100


@pytest.fixture
def survey(tmp_path: Path, demo_survey: Path) -> Iterator[tuple[str, Database]]:
    """The demo corpus, served; Ada may review. A translation is in doubt."""
    folder = StudyFolder(shutil.copytree(demo_survey, tmp_path / "study"))
    doubts = "kind,item,language,doubts,similarity,length_ratio,source,text\n"
    (folder.data / "doubtful.csv").write_text(doubts + "prompt,work-3,de,length ratio 0.40,0.9,0.4,x,y\n")
    settings, database, _ = prepare(folder, load(folder.study_file))
    database.run(lambda connection: accounts.add(connection, "Ada", PASSWORD, "reviewer", NOW))
    with running(create_app(settings, database)) as url:
        yield f"{url}/researchers", database
    database.close()


def log_in(page: Any, address: str) -> None:
    """By keyboard too: the fields are reached with the tabulator."""
    page.goto(f"{address}/login")
    page.get_by_label("Name").focus()
    page.keyboard.type("Ada")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/review")


def press(page: Any, *keys: str) -> None:
    """Press keys; the last one brings the next page."""
    for key in keys[:-1]:
        page.keyboard.press(key)
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(keys[-1])


def test_a_hundred_texts_are_reviewed_without_touching_the_mouse(chromium: Any, survey: tuple[str, Database]) -> None:
    address, database = survey
    page = chromium.new_page()
    log_in(page, address)
    page.goto(f"{address}/review?language=de")
    # A click anywhere would be counted; none comes but from keys.
    page.add_init_script("window.mice = 0; addEventListener('pointerdown', () => { window.mice += 1; }, true);")
    for number in range(WANTED):
        if number % 10 == 3:
            press(page, "2", "r", "1", "6", "Enter")
        elif number % 10 == 7:
            page.keyboard.press("c")
            assert page.evaluate("document.activeElement.id") == "corrected"
            page.keyboard.press("Control+End")
            page.keyboard.type(" Ende: arnc1?")
            press(page, "Control+Enter")
        else:
            press(page, *(("3",) if number % 10 == 5 else ()), "a")
    assert page.evaluate("window.mice") == 0
    assert page.locator("#progress").inner_text().startswith("100 reviewed by you")
    with database.read() as connection:
        known = reviews.load(connection)
    assert len(known) == WANTED
    assert known["verdict"].value_counts().to_dict() == {"approved": 80, "rejected": 10, "corrected": 10}
    assert known["severity"].value_counts().to_dict() == {"none": 80, "mild": 10, "strong": 10}
    assert set(known.loc[known["verdict"] == "rejected", "reasons"]) == {"meaning;unrelated"}
    corrected = known[known["verdict"] == "corrected"]
    assert (corrected["text"] == corrected["original"].str.strip() + " Ende: arnc1?").all()


def test_the_other_keys_do_what_the_page_says(chromium: Any, survey: tuple[str, Database]) -> None:
    address, database = survey
    page = chromium.new_page()
    log_in(page, address)
    page.goto(f"{address}/review?language=de")
    heading = page.locator("h1")
    assert "work-3" in heading.inner_text()
    assert "length ratio 0.40" in page.locator(".notice").inner_text()
    page.keyboard.press("?")
    assert page.locator("#help").get_attribute("open") is not None
    press(page, "n")
    second = heading.inner_text()
    assert "work-3" not in second
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.name") == "reason"
    page.keyboard.press("Escape")
    press(page, "1", "a")
    press(page, "u")
    assert heading.inner_text() == second
    press(page, "s")
    assert page.url.endswith("/review/standing")
    with database.read() as connection:
        assert reviews.load(connection)["reasons"].tolist() == [""]


def test_the_back_button_brings_no_correction_of_one_text_into_the_form_of_another(
    chromium: Any, survey: tuple[str, Database]
) -> None:
    address, _ = survey
    page = chromium.new_page()
    log_in(page, address)
    page.goto(f"{address}/review?language=de")
    first = page.locator("h1").inner_text()
    page.keyboard.press("3")
    page.keyboard.press("c")
    page.keyboard.type("Neu. ")
    press(page, "Control+Enter")
    page.go_back()
    another = page.locator("h1").inner_text() != first
    shown = page.locator(".judged .text").inner_text()
    # Either text is right, if the form below belongs to it.
    assert (page.locator("#corrected").input_value() == shown) is another
    assert page.get_by_label("none").is_checked() is another


def test_the_pages_fit_a_phone_are_accessible_and_work_without_javascript(
    chromium: Any, survey: tuple[str, Database]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    address, database = survey
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    log_in(page, address)
    for path in ("/review?language=de", "/review?language=en", "/review/standing"):
        page.goto(address + path)
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true; }")
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wide), path
        assert [each["id"] for each in axe.run(page).response["violations"]] == [], path
    plain = chromium.new_context(java_script_enabled=False).new_page()
    log_in(plain, address)
    plain.get_by_text("Reasons", exact=False).first.click()
    plain.get_by_label("breaks off or lacks a part").check()
    plain.get_by_label("strong").check()
    plain.get_by_role("button", name="Reject").click()
    assert "1 reviewed by you" in plain.locator("#progress").inner_text()
    with database.read() as connection:
        known = reviews.load(connection)
    assert known[["verdict", "reasons", "severity"]].to_numpy().tolist() == [["rejected", "incomplete", "strong"]]
