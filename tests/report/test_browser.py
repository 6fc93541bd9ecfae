"""The page in a browser: nothing runs over the edge of a phone, nothing is fetched, everything can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralign.report import write_report
from tests.report.studies import analysed, evaluated, preferred, study_folder

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, study = study_folder(tmp_path_factory.mktemp("studies") / "one")
    for work in (analysed, preferred, evaluated):
        work(folder, study)
    found = {}
    for language in ("en", "de"):
        page = write_report(folder, study, language)
        found[language] = page.rename(page.with_name(f"{language}.html"))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no browser: {CHROMIUM} is absent; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, pages: dict[str, Path], request: pytest.FixtureRequest) -> Iterator[Any]:
    language, width = request.param
    tab = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    tab.on("request", lambda one: asked.append(one.url))
    tab.goto(pages[language].as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    yield tab, asked
    tab.close()


@pytest.mark.parametrize("opened", [("en", 390), ("de", 390), ("en", 1280), ("de", 320)], indirect=True, ids=str)
def test_nothing_runs_over_the_edge(opened: tuple[Any, list[str]]) -> None:
    tab, _ = opened
    width = tab.evaluate("innerWidth")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    outside = tab.evaluate(
        """width => [...document.querySelectorAll('p, h1, h2, h3, li, figure, dl, summary, .notice, .table')]
            .filter(part => part.getBoundingClientRect().right > width + 0.5)
            .map(part => part.outerHTML.slice(0, 80))""",
        width,
    )
    assert outside == []


@pytest.mark.parametrize("opened", [("en", 390), ("en", 1280)], indirect=True, ids=str)
def test_one_of_two_drawings_is_shown_and_fits_its_place(opened: tuple[Any, list[str]]) -> None:
    tab, _ = opened
    shown = tab.evaluate("[...document.querySelectorAll('figure')].map(figure => figure.innerText.length > 0)")
    assert shown
    assert all(shown)
    too_wide = tab.evaluate(
        """[...document.querySelectorAll('.drawing svg')]
            .filter(one => one.getBoundingClientRect().width > one.parentElement.clientWidth + 0.5).length"""
    )
    assert too_wide == 0
    visible = tab.evaluate("[...document.querySelectorAll('.drawing')].filter(one => one.offsetParent).length")
    assert visible == len(shown)


@pytest.mark.parametrize("opened", [("en", 1280)], indirect=True, ids=str)
def test_the_page_asks_for_nothing_but_itself(opened: tuple[Any, list[str]]) -> None:
    _, asked = opened
    assert len([url for url in asked if not url.startswith("data:")]) == 1


@pytest.mark.parametrize("opened", [("de", 390)], indirect=True, ids=str)
def test_tables_and_figures_have_names_and_cells_have_heads(opened: tuple[Any, list[str]]) -> None:
    tab, _ = opened
    nameless = tab.evaluate(
        """[...document.querySelectorAll('table')].filter(table => !table.caption?.innerText.trim()
            || [...table.rows].some(row => !row.querySelector('th[scope]'))).length"""
    )
    assert nameless == 0
    assert tab.evaluate("[...document.querySelectorAll('[role=img]')].every(one => one.ariaLabel.length > 20)")
    scrolled = tab.evaluate(
        """[...document.querySelectorAll('*')].filter(part => part.scrollWidth > part.clientWidth + 1
            && ['auto', 'scroll'].includes(getComputedStyle(part).overflowX) && part.tabIndex < 0).length"""
    )
    assert scrolled == 0
