"""The researchers' pages in a browser: nothing wider than a phone, nothing that axe objects to, no script needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pluralign.folder import StudyFolder
from pluralign.study import load
from pluralign.survey.app import create_app
from pluralign.survey.researchers import accounts
from pluralign.survey.serving import prepare
from tests.survey.people import take_part
from tests.survey.researchers.conftest import CHANGES, PASSWORD, PEOPLE, PLAN
from tests.survey.running import running
from tests.survey.servers import study_folder
from tests.survey.small import NOW

pytestmark = pytest.mark.browser

PATHS = ("", "/coverage", "/coverage?by=gender", "/items", "/item?key=p000-none", "/people", "/analysis", "/release")
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The address of a running survey with one manager, and the ids of its people."""
    root = study_folder(tmp_path_factory.mktemp("researchers") / "study", 6, **CHANGES)
    settings, database, _ = prepare(StudyFolder(root), load(root / "study.yaml"))
    ids = take_part(database, settings.study, PLAN, PEOPLE)
    database.run(lambda connection: accounts.add(connection, "Mara", PASSWORD, "manager", NOW))
    with running(create_app(replace(settings, plan=PLAN), database)) as url:
        yield f"{url}/researchers", ids
    database.close()


def log_in(page: Any, address: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_label("Name").fill("Mara")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    assert page.url == address


def test_pages_fit_a_phone_and_are_accessible(chromium: Any, survey: tuple[str, list[str]]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    address, ids = survey
    page = chromium.new_page()
    log_in(page, address)
    for path in (*PATHS, f"/person?key={ids[0]}", "/erase", "/log"):
        page.goto(address + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(wide), (path, width)
            found = axe.run(page).response["violations"]
            assert [each["id"] for each in found] == [], (path, width)


def test_a_release_is_downloaded_without_javascript(chromium: Any, survey: tuple[str, list[str]]) -> None:
    address, _ = survey
    page = chromium.new_context(java_script_enabled=False).new_page()
    log_in(page, address)
    page.get_by_role("link", name="Release").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("small-public-")
