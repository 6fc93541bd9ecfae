"""Models in memory, in the arithmetic that the hardware does fast."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from pluralign.errors import MissingExtraError, ModelError
from pluralign.language_models.folders import check_folder
from pluralign.language_models.libraries import libraries, quiet


def load(folder: Path, *, dtype: str = "auto", device: str = "auto", parts: int = 1) -> tuple[Any, Any]:
    """The model (in evaluation mode) and its tokenizer.

    With ``parts``, this is one of as many processes that know of each other, and holds only its part of each of the
    model's parameters; all of them must then call the model together.

    ``dtype`` is ``float32``, ``bfloat16`` or ``auto`` (see ``fast_dtype``); ``device`` is ``cpu``, ``cuda`` or ``auto``
    (an accelerator where there is one). Raises ModelError where the folder cannot be used, has no chat template, or the
    dtype is not one of these; MissingExtraError without torch or transformers.
    """
    check_folder(folder)
    torch, transformers = libraries()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":
        dtype = fast_dtype(device)
    if dtype not in {"float32", "bfloat16"}:
        raise ModelError(f"{folder}: dtype is {dtype!r}; allowed are auto, float32, bfloat16.")
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder), dtype=getattr(torch, dtype), local_files_only=True, use_safetensors=True, **_divided(parts)
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{folder}: the model cannot be loaded ({reason}). Copy or convert it again.") from error
    if tokenizer.chat_template is None:
        raise ModelError(f"{folder}: the tokenizer has no chat template; use a model tuned to follow instructions.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return (model.eval() if parts > 1 else model.eval().to(device)), tokenizer


def _divided(parts: int) -> dict[str, Any]:
    if parts == 1:
        return {}
    from transformers.distributed.configuration_utils import DistributedConfig

    return {"distributed_config": DistributedConfig(fsdp_size=parts)}


def load_tuned(folder: Path, adapter: Path, *, dtype: str = "auto", device: str = "auto") -> tuple[Any, Any]:
    """As `load`, with a low-rank adapter merged in, which spares two products per layer and token.

    The sum of weights and adapter is taken in float32 and rounded once. In bfloat16 that is as close to the exact tuned
    model as leaving the adapter beside the weights: the Kullback-Leibler divergence of the next token was 0.0008
    against 0.0009, where rounding the base model alone makes 0.0004 (SmolLM2, rank 16). Raises ModelError also where
    the adapter does not fit.
    """
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtraError(
            f"tuned models need the optional part 'train' ({error.name} is missing). "
            "Run: pip install 'pluralign[train]'"
        ) from error
    base, tokenizer = load(folder, dtype="float32", device=device)
    try:
        with warnings.catch_warnings():
            # The libraries' notes to each other; failures come as exceptions.
            warnings.simplefilter("ignore")
            tuned = PeftModel.from_pretrained(base, str(adapter), local_files_only=True).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{adapter}: the adapter cannot be put on the model {folder.name} ({reason}). Tune it again with "
            "`pluralign train --restart`."
        ) from error
    torch, _ = libraries()
    return tuned.eval().to(getattr(torch, fast_dtype(base.device.type) if dtype == "auto" else dtype)), tokenizer


def fast_dtype(device: str) -> str:
    """``bfloat16`` where the hardware multiplies it natively, else ``float32``.

    On a CPU that is where /proc/cpuinfo names avx512_bf16 or amx_bf16. On an AMD EPYC with the former, multiplying
    (64 x 576) by (576 x 1536) on one thread took 0.33 ms against 1.28 ms in float32, and generation ran at nearly twice
    the speed. Elsewhere bfloat16 is emulated and slower. A stated property is used, not a timing: a run that is resumed
    must not change its arithmetic because the machine happens to be busy.
    """
    if device.startswith("cuda"):
        torch, _ = libraries()
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "float32"
    return "bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags.split()) else "float32"
