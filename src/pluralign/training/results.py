"""What is known of a finished run, and the file that says that it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pluralign.manifests import digest_file
from pluralign.storage import write_json
from pluralign.training.grid import RunKey

ADAPTER = "adapter"
WEIGHTS = "adapter_model.safetensors"
_SETTINGS = "adapter_config.json"
_DONE = "done.json"
_STATED = {"adapter", "steps", "loss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A tuned model.

    ``rows`` are the rows of the preference data it has seen at least once, ``too_long`` those left out for want of
    room; ``first_loss`` and ``last_loss`` are the losses of the first and last batch; ``earlier`` tells whether the
    run had been finished by an earlier call; ``kl`` is the divergence from the reference model, nats per token.
    """

    key: RunKey
    folder: Path
    steps: int
    rows: int
    too_long: int
    first_loss: float
    last_loss: float
    kl: float
    earlier: bool

    @property
    def adapter(self) -> Path:
        """The folder of the low-rank adapter, in PEFT's layout."""
        return self.folder / ADAPTER


def write_done(
    folder: Path, *, steps: int, tokens: int, first_loss: float, last_loss: float, kl: Mapping[str, float]
) -> None:
    """State that the run in ``folder`` is finished, and which weights it ended with."""
    content = {
        "adapter": digest_file(folder / ADAPTER / WEIGHTS),
        "steps": steps,
        "tokens": tokens,
        "loss": {"first": first_loss, "last": last_loss},
        "kl": dict(kl),
    }
    write_json(content, folder / _DONE)


def read_done(folder: Path) -> dict[str, Any] | None:
    """The content of ``done.json``, None where the run is not finished or its adapter is not the one stated there."""
    content = said_done(folder)
    try:
        json.loads((folder / ADAPTER / _SETTINGS).read_text(encoding="utf-8"))
        return content if content and content["adapter"] == digest_file(folder / ADAPTER / WEIGHTS) else None
    except (OSError, ValueError):
        return None


def said_done(folder: Path) -> dict[str, Any] | None:
    """As `read_done`, without a look at the adapter."""
    try:
        content = json.loads((folder / _DONE).read_text(encoding="utf-8"))
        whole = content.keys() >= _STATED and {"first", "last"} <= content["loss"].keys()
        return dict(content) if whole else None
    except (OSError, ValueError, AttributeError):
        return None


def is_said_done(folder: Path) -> bool:
    """Whether the run claims to be finished."""
    return (folder / _DONE).is_file()
