"""Words of messages that depend on numbers."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with its noun: ``1 rating``, ``2,000 ratings``; ``several`` where it is not ``one`` with an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
