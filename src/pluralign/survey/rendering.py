"""Templates with the texts of a language; everything that is filled in is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pluralign.study import Study
from pluralign.survey.words import Words, words


@dataclass(frozen=True, slots=True)
class Pages:
    """The templates of the survey and the interface texts of the study's languages."""

    environment: Environment
    texts: dict[str, Words]

    @classmethod
    def of(cls, study: Study, folder: Path | None = None) -> Pages:
        """Load templates and texts; ConfigError where a language of the study has no interface texts."""
        environment = Environment(
            loader=PackageLoader("pluralign.survey"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return cls(environment, {language: words(language, folder) for language in study.languages})

    def words(self, language: str) -> Words:
        """The interface texts of a language of the study."""
        return self.texts[language]

    def render(self, template: str, language: str, **shown: Any) -> str:
        """A page in one language."""
        names = {key: texts["language_name"] for key, texts in self.texts.items()}
        page = self.environment.get_template(template)
        return page.render(language=language, t=self.texts[language], languages=names, **shown)
