"""LoRA adapters that a request may ask for by name: the safetensors files in ``loras/`` beside the fetched models.

    ./models/store/loras/pixel-art.safetensors      ->  lora=pixel-art:0.8

A name is looked up in the folder's listing and never becomes part of a path, so nothing outside the folder can be
reached. Whether an adapter fits a model is found out by whoever loads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.errors import InvalidRequest, UnknownModel

FOLDER = "loras"
SUFFIX = ".safetensors"
MOST = 8
GREATEST_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class Lora:
    """An adapter on disk and how strongly it acts: 1 as trained, 0 not at all, below 0 the opposite."""

    name: str
    path: Path
    weight: float


def list_loras(store: Path) -> dict[str, Path]:
    """Return the adapters in ``store/loras`` by name, in order of their names."""
    try:
        files = sorted(path for path in (store / FOLDER).iterdir() if path.suffix == SUFFIX and path.is_file())
    except OSError:
        return {}
    return {path.name.removesuffix(SUFFIX): path for path in files}


def find_loras(asked: Sequence[str], store: Path) -> tuple[Lora, ...]:
    """Return the adapters that "name" or "name:weight" ask for.

    Raises `InvalidRequest` for a weight that is no number in [-4, 4] and for too many, `UnknownModel` for a name that
    is not there.
    """
    if len(asked) > MOST:
        raise InvalidRequest(f"lora: at most {MOST} adapters at once", param="lora")
    known = list_loras(store) if asked else {}
    found: dict[str, Lora] = {}
    for text in asked:
        name, colon, number = text.strip().rpartition(":")
        if not colon:
            name, number = number, "1"
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not -GREATEST_WEIGHT <= weight <= GREATEST_WEIGHT:
            raise InvalidRequest(
                f'lora: must be "name" or "name:weight" with a weight between -{GREATEST_WEIGHT:g} and '
                f"{GREATEST_WEIGHT:g}",
                param="lora",
            )
        if name not in known:
            there = ", ".join(known) or "none"
            raise UnknownModel(
                f"There is no LoRA of that name. There are: {there}. Put NAME{SUFFIX} into {FOLDER}/ in the folder of "
                "the models",
                param="lora",
            )
        found[name] = Lora(name, known[name], weight)
    return tuple(found.values())
