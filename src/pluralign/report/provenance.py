"""The section from which every number can be traced: files with digests, versions, seeds and settings."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict

from pluralign.manifests import digest_file, installed_versions
from pluralign.report.blocks import Block, Code, Column, Details, Paragraph, Row, Section, table
from pluralign.report.sources import Sources

_DIGITS = 16


def section(sources: Sources) -> Section:
    """What the report was made from."""
    say = sources.say
    blocks: list[Block] = [
        Paragraph(say("provenance.reading")),
        _files(sources),
        _versions(sources),
        _settings(sources),
    ]
    if sources.manifests:
        manifests = [Code(name, _as_json(asdict(manifest))) for name, manifest in sources.manifests.items()]
        blocks.append(Details(say("provenance.manifests"), tuple(manifests)))
    return Section("provenance", say("provenance.title"), tuple(blocks))


def _files(sources: Sources) -> Block:
    say, folder = sources.say, sources.folder
    rows = [Row((folder.study_file.name, "–", "–", "–", _short(digest_file(folder.study_file))))]
    for name, manifest in sources.manifests.items():
        rows.append(
            Row(
                (
                    name,
                    sources.numbers.count(manifest.rows_in) if manifest.rows_in else "–",
                    sources.numbers.count(manifest.rows_out) if manifest.rows_out else "–",
                    "–" if manifest.seed is None else str(manifest.seed),
                    _short(manifest.digest),
                )
            )
        )
    for path in sorted((*folder.preferences.glob("*.csv"), *folder.evaluation.glob("*.csv"))):
        rows.append(Row((path.relative_to(folder.root).as_posix(), "–", "–", "–", _short(digest_file(path)))))
    names = (("file", False), ("rows_in", True), ("rows_out", True), ("seed", True), ("digest", False))
    columns = [Column(say(f"provenance.{name}"), number) for name, number in names]
    return table(say("provenance.files"), columns, rows, note=say("provenance.digest_note", digits=_DIGITS))


def _versions(sources: Sources) -> Block:
    """The versions that manifests name; several where stages ran with different ones."""
    found: dict[str, set[str]] = defaultdict(set)
    for versions in [*(manifest.versions for manifest in sources.manifests.values()), _now()]:
        for name, version in versions.items():
            found[name].add(version)
    rows = [Row((name, ", ".join(sorted(versions)))) for name, versions in found.items()]
    columns = (Column(sources.say("provenance.package")), Column(sources.say("provenance.version")))
    return table(sources.say("provenance.versions"), columns, rows)


def _now() -> Mapping[str, str]:
    return {name: version for name, version in installed_versions().items() if name == "pluralign"}


def _settings(sources: Sources) -> Block:
    parts = {"analysis", "training", "evaluation", "experiments"}
    settings = sources.study.model_dump(mode="json", include=parts, exclude_none=True)
    codes = [Code(name, _as_json(value)) for name, value in settings.items()]
    return Details(sources.say("provenance.settings"), tuple(codes))


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _short(digest: str) -> str:
    return digest[:_DIGITS] or "–"
