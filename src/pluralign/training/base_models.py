"""The base model in memory: loaded once, lent to one run after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pluralign.language_models import load


class BaseModels:
    """Models by folder and arithmetic. One is held at a time: runs come in the order of their models.

    Of several processes that do a run together each holds one of ``parts`` of the model.
    """

    def __init__(self, parts: int = 1) -> None:
        self._held: tuple[object, Any, Any] | None = None
        self._parts = parts
        self.loaded = 0

    @contextmanager
    def lent(self, folder: Path, arithmetic: Mapping[str, str]) -> Iterator[tuple[Any, Any]]:
        """The model and its tokenizer. Afterwards it is as it was: without adapters, with its own forward pass.

        Raises ModelError where the folder holds no model that can be used.
        """
        wanted = (folder, tuple(sorted(arithmetic.items())))
        if self._held is None or self._held[0] != wanted:
            self._held = None  # before the next is loaded, so that there is never room needed for two
            self._held = (wanted, *load(folder, **arithmetic, parts=self._parts))
            self.loaded += 1
        _, model, tokenizer = self._held
        own, cached = set(vars(model)), model.config.use_cache
        try:
            yield model, tokenizer
        finally:
            if _take_out_adapters(model) and self._parts > 1:
                # Parts know the parameters that there were while adapters were tuned.
                self._held = None
            model.activation_checkpointing_disable()
            model.disable_input_require_grads()
            for name in set(vars(model)) - own:
                delattr(model, name)
            model.config.use_cache = cached
            model.requires_grad_(requires_grad=True).eval()

    def forget(self) -> None:
        """Hold no model any more: after a lack of memory, nothing that was begun may stay."""
        self._held = None


def _take_out_adapters(model: Any) -> bool:
    """Put the layers back that PEFT has wrapped; whether there were any."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    wrapped = [(name, module) for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)]
    for name, module in wrapped:
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, module.get_base_layer())
    return bool(wrapped)
