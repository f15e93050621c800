"""Conversions that are done once, when a model is fetched. Each takes a folder of fetched files and an empty one.

    gguf   a quantised GGUF language model -> bfloat16 safetensors and a tokenizer. transformers unpacks a GGUF anew
           at each load (12 s for 135 M parameters on two cores); what is written here loads in half a second.

A conversion runs in a process of its own: its memory is given back, and what it sets for the libraries that it
imports (offline, quiet) does not reach a download that comes after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scripts.supply.failures import FetchError

ROOT = Path(__file__).resolve().parents[2]


def convert(kind: str, given: Path, made: Path) -> None:
    """Convert what is in ``given`` into the empty folder ``made``; raise `FetchError` with the reason."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
    command = [sys.executable, "-m", __name__, kind, str(given.resolve()), str(made.resolve())]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"its process ended with {done.returncode}"]
        raise FetchError(
            f"The conversion from {kind} failed: {reason[0]}. Is there memory left? Run the command again."
        )


def convert_gguf(given: Path, made: Path) -> None:
    """Unpack ``given/model.gguf`` into ``made``."""
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    logs: Any = transformers.utils.logging
    logs.set_verbosity_error()
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


CONVERSIONS: Mapping[str, Callable[[Path, Path], None]] = MappingProxyType({"gguf": convert_gguf})

if __name__ == "__main__":
    CONVERSIONS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
