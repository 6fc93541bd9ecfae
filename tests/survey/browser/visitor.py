"""Somebody who takes part with nothing but the keyboard."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.survey.browser.conftest import Site

NEXT = "main button.main"


@contextmanager
def window(
    browser: Any, *, language: str = "en", width: int = 1280, height: int = 900, scripts: bool = True
) -> Iterator[Any]:
    """A window of its own, with cookies of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale=language, java_script_enabled=scripts
    )
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@dataclass
class Visitor:
    """``given``: what was chosen, by name of the question; of ratings one mapping per item."""

    page: Any
    site: Site
    seed: int = 0
    items: list[dict[str, str]] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def tab_to(self, selector: str, at_most: int = 80) -> None:
        """Press Tab until the focus is there."""
        wanted = ", ".join(f"{part.strip()}:focus" for part in selector.split(","))
        for _ in range(at_most):
            self.page.keyboard.press("Tab")
            if self.page.locator(wanted).count():
                return
        raise AssertionError(f"{selector} cannot be reached with the Tab key on {self.page.url}")

    def choose(self, name: str, position: int) -> str:
        """Choose an answer: Tab into the group, Space, arrow keys; returns what is then chosen."""
        self.tab_to(f'input[name="{name}"]')
        self.page.keyboard.press("Space")
        for _ in range(position):
            self.page.keyboard.press("ArrowDown")
        return str(self.page.locator(f'input[name="{name}"]:checked').get_attribute("value"))

    def go_on(self) -> None:
        """To the next page."""
        self.tab_to(NEXT)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def arrive(self, language: str = "en") -> None:
        """Read what the study is and agree to everything."""
        self.page.goto(f"{self.site.url}/?lang={language}")
        for part in self.site.study.texts.consent:
            self.tab_to(f'input[name="consent-{part.key}"]')
            self.page.keyboard.press("Space")
        self.go_on()

    def answer_page(self) -> dict[str, str]:
        """Choose an answer to every question of the page."""
        given = {}
        for group in self.page.locator("fieldset.question").all():
            name = str(group.get_attribute("id"))
            given[name] = self.choose(name, self.chance.randrange(group.locator("input").count()))
        return given

    def take_part(self, language: str) -> None:
        """The whole study."""
        self.arrive(language)
        for _ in range(30):
            where = self.page.url.rsplit("/", 1)[1]
            if where == "end":
                return
            given = self.answer_page()
            if where == "rate":
                self.items.append(given)
            else:
                self.about |= given
            self.go_on()
        raise AssertionError("the study does not end")
