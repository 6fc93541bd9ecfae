"""What is computed from a base model once and used by every condition and seed: tokens of texts, log-probabilities.

It lies in ``runs/.cache``, under a name with the digest of everything that its content depends on. A file that is
damaged, or was made from something else, counts as absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

from pluralign.folder import StudyFolder
from pluralign.manifests import digest_of, installed_versions
from pluralign.storage import atomic_write

_FOLDER = ".cache"
_VERSIONS = ("torch", "transformers")

V = TypeVar("V")


class Cache(Generic[V]):
    """A mapping from digests of questions to answers, kept on disk.

    ``what`` names the kind of answer and ``origin`` everything on which answers depend beside the question.
    """

    def __init__(self, folder: StudyFolder, what: str, origin: Mapping[str, str]) -> None:
        self._origin = _whole(what, origin)
        self._file = _named(folder, self._origin).with_suffix(".json")
        self._known: dict[str, V] = _read(self._file, self._origin)
        self._changed = False

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> V:
        if key not in self._known:
            # Another process may have kept it since the file was read.
            self._read_again()
        return self._known[key]

    def __setitem__(self, key: str, value: V) -> None:
        self._known[key] = value
        self._changed = True

    def keep(self) -> None:
        """Write what is new; what another process has written meanwhile is kept too."""
        if not self._changed:
            return
        self._read_again()
        content = {"origin": self._origin, "digest": digest_of(self._known), "values": self._known}
        atomic_write(self._file, json.dumps(content, sort_keys=True, separators=(",", ":")))
        self._changed = False

    def _read_again(self) -> None:
        self._known = {**_read(self._file, self._origin), **self._known}


def place(folder: StudyFolder, what: str, origin: Mapping[str, str]) -> Path:
    """Where what is computed from ``origin`` lies, without an ending; the libraries' versions are part of its name."""
    return _named(folder, _whole(what, origin))


def _named(folder: StudyFolder, whole: Mapping[str, str]) -> Path:
    return folder.runs / _FOLDER / f"{whole['what']}-{digest_of(whole)[:16]}"


def _whole(what: str, origin: Mapping[str, str]) -> dict[str, str]:
    versions = installed_versions()
    return {"what": what, **origin, **{name: versions.get(name, "") for name in _VERSIONS}}


def _read(file: Path, origin: Mapping[str, str]) -> dict[str, V]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["origin"] == origin and content["digest"] == digest_of(content["values"]):
            return dict(content["values"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}
