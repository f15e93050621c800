"""The processor: how many threads are ours, and whether bfloat16 is worth using on it.

On a CPU without bfloat16 instructions torch emulates them and is several times slower than in float32; with
AVX512-BF16 (Zen 4 and Zen 5, so every Strix Halo) or AMX it is faster. Knows nothing of GPUs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from inference.hardware import sysfs
from inference.hardware.device import Dtype
from inference.hardware.sysfs import Unreadable


@dataclass(frozen=True)
class Processor:
    """`threads` is what this process may use at once: at least 1."""

    model: str
    cores: int
    threads: int
    bfloat16: str | None
    """The instruction set that computes in bfloat16, or None."""

    @property
    def dtype(self) -> Dtype:
        """The number format for torch on this processor."""
        return "bfloat16" if self.bfloat16 else "float32"

    @property
    def sentence(self) -> str:
        """Why that format."""
        return (
            f"bfloat16, which {self.bfloat16} computes"
            if self.bfloat16
            else "float32, as it has no bfloat16 instructions"
        )


def read_processor(root: Path) -> Processor:
    """Read `proc/cpuinfo` and the container's quota below `root`."""
    text = sysfs.read(root / "proc/cpuinfo")
    model, flags, logical = "unknown processor", frozenset[str](), 0
    cores: set[tuple[str, str]] = set()
    package = "0"
    for line in [] if isinstance(text, Unreadable) else text.splitlines():
        key, _, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if key == "processor":
            logical += 1
        elif key == "model name":
            model = value
        elif key == "flags" and not flags:
            flags = frozenset(value.split())
        elif key == "physical id":
            package = value
        elif key == "core id":
            cores.add((package, value))
    available = logical or os.cpu_count() or 1
    if root == Path("/"):
        available = min(available, len(os.sched_getaffinity(0)))
    quota = _read_quota(root)
    bfloat16 = "AMX" if "amx_bf16" in flags else "AVX512-BF16" if "avx512_bf16" in flags else None
    return Processor(
        model=model,
        cores=len(cores) or available,
        threads=max(1, min(available, quota or available)),
        bfloat16=bfloat16,
    )


def _read_quota(root: Path) -> int | None:
    """A container's share in whole processors (cgroup v2 `cpu.max`), rounded up; None without a limit."""
    quota, _, period = (sysfs.read_line(root / "sys/fs/cgroup/cpu.max") or "max").partition(" ")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return max(1, -(-int(quota) // int(period)))
