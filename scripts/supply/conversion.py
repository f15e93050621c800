"""Conversions that are done once, when a model is fetched. Each takes a folder of fetched files and an empty one.

gguf   a quantised GGUF language model -> bfloat16 safetensors and a tokenizer. transformers unpacks a GGUF anew
       at each load (12 s for 135 M parameters on two cores); what is written here loads in under a second.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

Conversion = Callable[[Path, Path], None]


def convert_gguf(given: Path, made: Path) -> None:
    """Unpack ``given/model.gguf`` into ``made``."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # read by tqdm when it is imported
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    logs: Any = transformers.utils.logging
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(
        given, gguf_file="model.gguf", quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    tokenizer = AutoTokenizer.from_pretrained(given, gguf_file="model.gguf")
    tokenizer.model_max_length = int(model.config.max_position_embeddings)
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)
    # Traces of the place where it was made; the files say nothing about it.
    _forget(made / "config.json", "_model_name_or_path")
    _forget(made / "tokenizer_config.json", "is_local", "local_files_only", "name_or_path")
    for path in made.iterdir():
        path.chmod(0o644)


def _forget(path: Path, *keys: str) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    for key in keys:
        content.pop(key, None)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


CONVERSIONS: Mapping[str, Conversion] = MappingProxyType({"gguf": convert_gguf})
