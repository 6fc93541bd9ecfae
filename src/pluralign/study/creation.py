"""Study folders to begin with, made from built-in templates."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pluralign.errors import ConfigError
from pluralign.storage import atomic_write
from pluralign.study.loading import parse
from pluralign.study.model import Study

TEMPLATES = ("gender-values", "minimal")
"""The built-in templates, by name."""

# What must not get into a repository: who took part, and the key to it.
_IGNORED = "survey-secret\nsurvey-erased\nsurvey-settings.yaml\nsurvey.db*\n"
_EDITOR_LINE = "# yaml-language-server: $schema=study.schema.json\n"


def json_schema() -> dict[str, Any]:
    """The study file's form as JSON Schema, by which editors complete keys, explain them and mark mistakes."""
    schema = Study.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def template_text(template: str) -> str:
    """The text of a built-in template; ConfigError lists what there is."""
    if template not in TEMPLATES:
        raise ConfigError(f'There is no template "{template}"; allowed: {", ".join(TEMPLATES)}.')
    return (files("pluralign.study") / "templates" / f"{template}.yaml").read_text(encoding="utf-8")


def create(folder: Path, template: str) -> Path:
    """Write study.yaml, study.schema.json, README.md and .gitignore into ``folder``; return the path of study.yaml.

    The study file is written last, so that a folder which has one is complete. A README.md or .gitignore that is there
    already is left alone. Raises ConfigError for an unknown template, where a study file is there already, or where
    ``folder`` is a file; PluralignError where nothing can be written.
    """
    return create_from(folder, template_text(template))


def create_from(folder: Path, text: str) -> Path:
    """As `create`, with a study file that has been written already.

    Raises ConfigError also where ``text`` is no study file.
    """
    study = parse(text, "the new study file")
    study_file = folder / "study.yaml"
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; give the name of a new folder.")
    if study_file.exists():
        raise ConfigError(f"{folder} holds a study already (study.yaml); give the name of a new folder.")
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    atomic_write(folder / "study.schema.json", schema)
    if not (folder / "README.md").exists():
        atomic_write(folder / "README.md", _readme(study))
    if not (folder / ".gitignore").exists():
        atomic_write(folder / ".gitignore", _IGNORED)
    atomic_write(study_file, _EDITOR_LINE + text)
    return study_file


def _readme(study: Study) -> str:
    return f"""# {study.title[study.languages[0]]}

A pluralign study. Everything about it is said in `study.yaml`: what raters are asked, how their ratings are analysed,
and which experiments are run on them. Editors that read `study.schema.json` explain every key and mark mistakes while
you type.

To try it with the demo corpus and invented raters, call in this folder:

    pluralign corpus import demo
    pluralign simulate
    pluralign run

To have it rated by people instead, call `pluralign serve` in place of `pluralign simulate`.

`pluralign run` does every stage that is out of date, up to the report. Results are written beside the study file, into
`data`, `analysis`, `preferences`, `runs`, `evaluation` and `report`. All of them can be made again, except `data` once
it holds the ratings of real people.
"""
