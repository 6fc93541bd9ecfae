"""pluralign: collect, analyse and use human ratings of model responses without pretending that all raters agree.

Public names are imported when they are first used, so that ``import pluralign`` stays instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pluralign.feedback import Feedback
    from pluralign.stats import ClmmFit, clm, clmm
    from pluralign.study import Study

__version__ = "0.1.0"

_HOMES = {
    "ClmmFit": "pluralign.stats",
    "Feedback": "pluralign.feedback",
    "Study": "pluralign.study",
    "clm": "pluralign.stats",
    "clmm": "pluralign.stats",
}

__all__ = ["ClmmFit", "Feedback", "Study", "__version__", "clm", "clmm"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pluralign' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
