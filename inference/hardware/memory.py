"""How many bytes engines may take, on the CPU and on the GPU.

On an APU the GPU's memory *is* the system's, so what is left over for everything else decides. HIP's own totals are
no help there: it has reported 62 GiB on a 128 GB box with 120 free, and 15.5 elsewhere (see docs/strix-halo.md). Two
layouts exist:

- small carve-out (GTT larger than VRAM): the driver takes GPU memory from GTT, that is from MemAvailable;
- large carve-out (VRAM at least as large as GTT): GPU memory is the firmware's carve-out and costs the system nothing.

A container's memory limit bounds the CPU's budget and not the GPU's: GPU allocations are not charged to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.hardware import sysfs
from inference.hardware.sysfs import Unreadable
from inference.hardware.topology import Gpu

GIB = 1 << 30
_RESERVE_SHARE = 5  # one fifth
_RESERVE_MOST = 16 * GIB


@dataclass(frozen=True)
class Memory:
    """System memory in bytes. `limit` is what a container may still take, None without a limit."""

    total: int
    available: int
    limit: int | None

    @property
    def reserve(self) -> int:
        """What is left to everything else: a fifth of the memory, at most 16 GiB."""
        return min(self.total // _RESERVE_SHARE, _RESERVE_MOST)


@dataclass(frozen=True)
class Budget:
    """A number of bytes and how it came about."""

    bytes: int
    sentence: str


def read_memory(root: Path) -> Memory:
    """Read `proc/meminfo` and the container's limit below `root`; zeros where nothing is readable."""
    text = sysfs.read(root / "proc/meminfo")
    figures: dict[str, int] = {}
    for line in [] if isinstance(text, Unreadable) else text.splitlines():
        key, _, value = line.partition(":")
        amount = value.split()
        if amount and amount[0].isdigit():
            figures[key] = int(amount[0]) * 1024
    cap = sysfs.read_number(root / "sys/fs/cgroup/memory.max")
    used = sysfs.read_number(root / "sys/fs/cgroup/memory.current") or 0
    return Memory(
        total=figures.get("MemTotal", 0),
        available=figures.get("MemAvailable", 0),
        limit=None if cap is None else max(0, cap - used),
    )


def in_gib(count: int) -> str:
    """12345678901 -> "11.5 GiB"."""
    return f"{count / GIB:.1f} GiB"


def cpu_budget(memory: Memory) -> Budget:
    """What engines on the CPU may take together."""
    room = max(0, memory.available - memory.reserve)
    sentence = f"{in_gib(memory.available)} available less {in_gib(memory.reserve)} for the system"
    if memory.limit is not None and memory.limit < room:
        return Budget(memory.limit, f"{in_gib(memory.limit)}: the container's limit")
    return Budget(room, f"{in_gib(room)}: {sentence}")


def backed_by_system(gpu: Gpu) -> bool:
    """Whether this GPU's allocations come out of the system's memory (see the two layouts above)."""
    return gpu.integrated and (gpu.gtt_bytes or 0) > (gpu.vram_bytes or 0)


def gpu_budget(gpu: Gpu | None, memory: Memory, free: int | None) -> Budget:
    """What engines on the GPU may take together.

    `free` is what the GPU's library called free when it was proved, nothing being loaded; None before. Without a KFD
    node (`gpu` None, an NVIDIA card) it is all there is to go by.
    """
    bounds: list[tuple[int, str]] = []
    if free is not None:
        bounds.append((free, "the GPU's library reports so much free"))
    if gpu is not None and backed_by_system(gpu):
        room = max(0, memory.available - memory.reserve)
        bounds.append(
            (
                room,
                f"{in_gib(memory.available)} available less {in_gib(memory.reserve)} for the system, which shares it",
            )
        )
        bounds.append((gpu.gtt_bytes or 0, "the kernel's GTT limit; see docs/strix-halo.md to raise it"))
    elif gpu is not None and gpu.vram_bytes is not None:
        left = max(0, gpu.vram_bytes - (gpu.vram_used or 0))
        bounds.append((left, "the firmware's carve-out" if gpu.integrated else "the card's own memory"))
    if not bounds:
        return Budget(0, "unknown: the kernel names no memory for this GPU and it has not been proved yet")
    size, why = min(bounds)
    return Budget(size, f"{in_gib(size)}: {why}")
