"""Which GPUs the operator lets the GPU libraries see.

HIP numbers the GPUs in the order of their KFD nodes and reads HIP_VISIBLE_DEVICES, then CUDA_VISIBLE_DEVICES; ROCr
filters before it with ROCR_VISIBLE_DEVICES. Whoever sets one of them has chosen, and nothing of ours may change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_NAMES = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Visibility:
    """`named` is whether the operator chose; `first` the index of the first chosen GPU, None when it is no number."""

    named: bool
    first: int | None
    hidden: str | None
    """The setting that hides every GPU, or None."""
    key: str


def read_visibility(environment: Mapping[str, str], count: int) -> Visibility:
    """Read the three variables for a machine with `count` AMD GPUs."""
    given = {name: environment[name].strip() for name in _NAMES if environment.get(name, "").strip()}
    key = " ".join(f"{name}={value}" for name, value in given.items())
    first: int | None = None
    for name, value in given.items():
        head = value.split(",", 1)[0].strip()
        if head.startswith("-"):
            return Visibility(True, None, f"{name}={value}", key)
        # Two filters in a row renumber; only a single one is followed.
        if head.isdigit() and int(head) < count and len(given) == 1:
            first = int(head)
    return Visibility(bool(given), first, None, key)
