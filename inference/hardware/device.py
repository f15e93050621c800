"""The place where an engine computes, as one value. Decided once in `placement`, handed down, never asked for again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["cpu", "gpu"]
Dtype = Literal["float32", "bfloat16"]
Library = Literal["torch", "ctranslate2", "onnxruntime"]
"""What does the computing. Each has its own proof: what torch can do says nothing about the others."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where, in which number format, and why.

    `torch_name` is torch's word for `kind`; a ROCm build says "cuda" too. `dtype` is for torch engines; the others
    choose their own. Two devices are equal when they are the same place: the wording of `reason` does not count.
    """

    kind: Kind
    torch_name: Literal["cpu", "cuda"]
    dtype: Dtype
    reason: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"
