"""Where the work of a grid is done: here one piece after another, or elsewhere several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from pluralign.progress import Progress
from pluralign.training.engines.devices import use_one_accelerator
from pluralign.training.failures import Trouble, is_out_of_memory, trouble_of
from pluralign.training.materials import Materials

T = TypeVar("T")
R = TypeVar("R")

Work = Callable[[T, Materials, Progress], R]
"""A function that can be imported by its name in any process; task and result can be pickled."""


class Engine(Protocol):
    """Does pieces of work. ``at_once`` of them may go on at the same time; a run takes ``processes`` processes, which
    may divide the model among themselves.
    """

    at_once: int
    processes: int
    divides: bool

    def begin(self, progress: Progress) -> None:
        """Called before anything else is done."""

    def each(
        self, work: Work[T, R], tasks: Sequence[T], materials: Materials, progress: Progress
    ) -> Iterator[tuple[T, R | Trouble]]:
        """Every task with its result, or with what went wrong, as soon as there is one."""

    def close(self) -> None:
        """Nothing more is to be done; also called when work was cut short."""


class InThisProcess:
    """One piece of work after another, in the order in which they are given."""

    at_once = 1
    processes = 1
    divides = False

    def begin(self, progress: Progress) -> None:
        """See `Engine`."""
        said = use_one_accelerator()
        if said:
            progress.say(said)

    def each(
        self, work: Work[T, R], tasks: Sequence[T], materials: Materials, progress: Progress
    ) -> Iterator[tuple[T, R | Trouble]]:
        """See `Engine`."""
        for task in tasks:
            yield task, attempt(work, task, materials, progress)

    def close(self) -> None:
        """See `Engine`."""


def attempt(work: Work[T, R], task: T, materials: Materials, progress: Progress) -> R | Trouble:
    """The result of the work, or what went wrong. After a lack of memory no model is held any more."""
    try:
        return work(task, materials, progress)
    except Exception as error:
        if is_out_of_memory(error):
            materials.forget_models()
        return trouble_of(error)
