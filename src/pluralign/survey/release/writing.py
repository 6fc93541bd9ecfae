"""A release as a folder that is a study folder, and as one file to download."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd
import yaml

from pluralign.errors import ConfigError
from pluralign.folder import StudyFolder
from pluralign.records import ITEMS, PROMPTS, read
from pluralign.storage import atomic_write, write_csv
from pluralign.survey.release.card import card
from pluralign.survey.release.codebook import as_markdown, codebook
from pluralign.survey.release.making import Release

_TABLES = ("prompts", "items", "raters", "ratings")


def corpus(folder: StudyFolder) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Prompts and items of a study folder; SchemaError where there are none."""
    return read(folder.data / "prompts.parquet", PROMPTS), read(folder.data / "items.parquet", ITEMS)


def write(release: Release, path: Path) -> None:
    """Write the release into the new folder ``path``; all of it appears at once, or nothing.

    Raises ConfigError where something is there already.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"{path} is there already; name a new folder, so that no release is mixed with another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        _fill(release, beside)
        beside.chmod(0o755)
        if path.exists():
            path.rmdir()
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def as_zip(release: Release, name: str) -> bytes:
    """The release as a zip file with one folder ``name`` in it."""
    buffer = BytesIO()
    with tempfile.TemporaryDirectory() as place:
        _fill(release, Path(place))
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(Path(place).rglob("*")):
                if file.is_file():
                    archive.write(file, f"{name}/{file.relative_to(place).as_posix()}")
    return buffer.getvalue()


def _fill(release: Release, folder: Path) -> None:
    study, feedback = release.study, release.feedback
    content = study.model_dump(mode="json", exclude_none=True)
    atomic_write(folder / "study.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120))
    feedback.save(folder / "data", release.manifest)
    for name in _TABLES:
        write_csv(getattr(feedback, name), folder / "csv" / f"{name}.csv")
    for name, table in (("first_answers", release.firsts), ("texts", release.texts)):
        if table is not None:
            write_csv(table, folder / f"{name}.csv")
    if release.protected is not None:
        write_csv(release.protected.report, folder / "protection.csv")
    book = codebook(study, release.limits, firsts=release.firsts is not None, texts=release.texts is not None)
    write_csv(book, folder / "codebook.csv")
    for language in study.languages:
        atomic_write(folder / f"codebook-{language}.md", as_markdown(book, study, language))
    atomic_write(folder / "data-card.md", card(release))
