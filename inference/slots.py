"""A slot: one engine with one model, its worker and its history; and the rule who must make room for whom.

Pure data and pure functions, so that every rule of residency is a table in a test. `inference/residency.py` acts on
them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from inference.catalogue import Row
from inference.engine import Engine
from inference.hardware.device import Device
from inference.host import Worker
from inference.line import Line


@dataclass(eq=False)
class Slot:
    """What the pool knows of one engine and model. Guarded by the pool's condition."""

    engine: type[Engine]
    row: Row
    state: str = "unloaded"
    """unloaded, loading, ready, busy or failed."""
    worker: Worker | None = None
    device: Device | None = None
    reserved: int = 0
    """Bytes set aside while it is loading or loaded."""
    holders: set[object] = field(default_factory=set)
    """One ticket per lease that is held now."""
    starting: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one thread that makes sure of a worker."""
    waiting: Line = field(default_factory=Line)
    idle_since: float = 0.0
    starts: int = 0
    gpu_deaths: int = 0
    failed_loads: int = 0
    last_error: str | None = None
    fell_back: str | None = None
    """Why it left the GPU for good, if it did."""

    def admits(self, device: Device) -> bool:
        """Whether one more lease may begin now: alone, or beside others that use a loaded worker on ``device``."""
        if not self.holders:
            return True
        usable = self.state == "busy" and self.worker is not None and self.worker.alive and self.device == device
        return usable and len(self.holders) < self.engine.sharing


@dataclass(frozen=True)
class Room:
    """What it takes to make room: idle slots to unload, or busy ones to wait for, or neither and it can never fit."""

    unload: tuple[Slot, ...] = ()
    wait: bool = False
    possible: bool = True


def make_room(slots: Iterable[Slot], wanted: Slot, kind: str, needs: int, budget: int, pinned: frozenset[str]) -> Room:
    """Decide how ``needs`` bytes for ``wanted`` fit under ``budget`` bytes on ``kind`` beside the other slots.

    Idle engines go first that were used longest ago; pinned ones (by engine name) never, nor busy or loading ones.
    A budget of 0 is unknown and bounds nothing.
    """
    others = [
        slot for slot in slots if slot is not wanted and slot.reserved and slot.device and slot.device.kind == kind
    ]
    over = sum(slot.reserved for slot in others) + needs - budget
    if budget <= 0 or over <= 0:
        return Room()
    unload: list[Slot] = []
    idle = [slot for slot in others if slot.state in ("ready", "failed") and not slot.holders and not slot.waiting]
    for slot in sorted(idle, key=lambda slot: slot.idle_since):
        if slot.engine.name in pinned:
            continue
        unload.append(slot)
        over -= slot.reserved
        if over <= 0:
            return Room(tuple(unload))
    movable = sum(slot.reserved for slot in others if slot.engine.name not in pinned and slot not in unload)
    if over <= movable:
        return Room(wait=True)
    return Room(possible=False)


def describe_slot(slot: Slot) -> dict[str, Any]:
    """Return the slot as plain values for status."""
    assert slot.device is not None
    worker = slot.worker  # it may end while it is described
    return {
        "model": slot.row.id,
        "state": slot.state,
        "device": slot.device.kind,
        "dtype": slot.device.dtype,
        "reason": slot.device.reason,
        "bytes": 0 if worker is None else worker.resident_bytes,
        "queue": len(slot.waiting),
        "starts": slot.starts,
        "gpu_deaths": slot.gpu_deaths,
        "last_error": slot.last_error,
        "pid": None if worker is None else worker.pid,
    }
