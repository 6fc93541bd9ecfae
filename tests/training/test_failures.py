from __future__ import annotations

import errno
import os

import pytest

from pluralign.training.failures import trouble_of


@pytest.mark.parametrize(
    "error",
    [
        # As the tokenizer's, the operating system's, and torch's two.
        Exception("No space left on device (os error 28)"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("[enforce fail at inline_container.cc:794] . PytorchStreamWriter failed writing file data/0"),
        RuntimeError("[enforce fail at inline_container.cc:626] . unexpected pos 64 vs 0"),
    ],
    ids=["tokenizer", "system", "torch", "torch at the end"],
)
def test_a_full_disk_is_named_whoever_met_it_and_costs_no_checkpoint(error: Exception) -> None:
    trouble = trouble_of(error)
    assert trouble.reason.startswith("The disk is full. Make room and run the same command again")
    assert (trouble.where, trouble.anew) == ("", False)


def test_what_nobody_foresaw_says_where_and_is_begun_anew() -> None:
    trouble = trouble_of(ZeroDivisionError("by chance"))
    assert "ZeroDivisionError: by chance" in trouble.reason
    assert trouble.where
    assert trouble.anew
