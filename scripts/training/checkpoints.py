"""Checkpoints that a stopped training goes on from: one safetensors file and one JSON file, replaced atomically.

Knows nothing of what is trained.

>>> write_checkpoint(folder, "unet", tensors, {"step": 100, "seconds": 250.0})
>>> tensors, facts = read_checkpoint(folder, "unet")
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

Facts = dict[str, float]


def write_checkpoint(folder: Path, name: str, tensors: dict[str, torch.Tensor], facts: Facts) -> None:
    """Write tensors and facts as `<name>.safetensors`; the facts travel in its header, so both change at once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    partial = path.with_suffix(".partial")
    whole = {key: tensor.detach().contiguous().cpu() for key, tensor in tensors.items()}
    save_file(whole, partial, metadata={"facts": json.dumps(facts)})
    partial.replace(path)


def read_checkpoint(folder: Path, name: str) -> tuple[dict[str, torch.Tensor], Facts] | None:
    """Read what `write_checkpoint` wrote, or None if there is nothing yet."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        return None
    with safe_open(path, framework="pt") as handle:
        facts: Facts = json.loads(handle.metadata()["facts"])
    return load_file(path), facts
