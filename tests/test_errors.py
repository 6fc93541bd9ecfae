"""What every error promises: a common base, a built-in to catch it by, an exit code, a docstring, pickling."""

from __future__ import annotations

import inspect
import pickle

import pytest

from pluralign import errors
from pluralign.errors import PluralignError

CHILDREN = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, PluralignError) and kind is not PluralignError
]


@pytest.mark.parametrize("kind", CHILDREN)
def test_each_error_is_also_a_builtin_and_says_when_it_is_raised(kind: type[PluralignError]) -> None:
    builtin = [base for base in kind.__mro__ if base.__module__ == "builtins" and base not in (Exception, object)]
    assert set(builtin) - {BaseException}
    assert (kind.__doc__ or "").startswith("Raised when")
    assert kind.exit_code in (1, 2)


@pytest.mark.parametrize("kind", CHILDREN)
def test_each_error_survives_pickling(kind: type[PluralignError]) -> None:
    error = kind("ratings.parquet: wrong.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == "ratings.parquet: wrong."


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert errors.__doc__ is not None
    for kind in CHILDREN:
        assert kind.__name__ in errors.__doc__
