"""Models in memory."""

from __future__ import annotations

import builtins
import shutil
from pathlib import Path
from typing import Any

import pytest

from pluralign.errors import MissingExtraError, ModelError
from pluralign.language_models import fast_dtype, load, resolve


def test_the_dtype_asked_for_is_the_dtype_loaded(tiny: Path) -> None:
    for dtype in ("float32", "bfloat16"):
        model, tokenizer = load(tiny, dtype=dtype, device="cpu")
        assert str(model.dtype) == f"torch.{dtype}"
        assert not model.training
        assert tokenizer.pad_token_id == 2


def test_an_unknown_dtype_is_refused(tiny: Path) -> None:
    with pytest.raises(ModelError, match="'float8'; allowed are auto, float32, bfloat16"):
        load(tiny, dtype="float8")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("flags : avx2 avx512f", "float32"), ("flags : avx512f avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16")],
)
def test_bfloat16_is_taken_where_the_processor_states_it(
    monkeypatch: pytest.MonkeyPatch, flags: str, expected: str
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _, **__: flags)
    assert fast_dtype("cpu") == expected


def test_without_a_statement_of_the_processor_float32_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any, **__: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert fast_dtype("cpu") == "float32"


def test_a_tokenizer_without_chat_template_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "model"))
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        load(folder)


def test_a_broken_configuration_is_reported_in_one_line(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "model"))
    (folder / "config.json").write_text("{not json")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_without_torch_the_message_says_what_to_install(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without_torch(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(MissingExtraError, match=r"torch is missing.*pluralign\[train\]"):
        load(tiny)


@pytest.mark.slow
def test_the_converted_smollm2_is_whole_and_trainable() -> None:
    model, tokenizer = load(resolve("smollm2"), dtype="float32", device="cpu")
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert getattr(model, "hf_quantizer", None) is None
    assert tokenizer.model_max_length == 8192
    for text in ("Who decides?", "Größe, Füße, „so“ – für alle"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
