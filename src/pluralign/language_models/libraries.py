"""torch and transformers, imported when they are needed and not before."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

from pluralign.errors import MissingExtraError


def libraries() -> tuple[Any, Any]:
    """The modules torch and transformers; MissingExtraError where one is absent."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            f"language models need the optional part 'train' ({error.name} is missing). "
            "Run: pip install 'pluralign[train]'"
        ) from error
    return torch, transformers


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own progress bars off the screen; failures still come as exceptions."""
    with redirect_stderr(io.StringIO()):
        yield
